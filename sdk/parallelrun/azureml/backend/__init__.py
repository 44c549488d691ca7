"""What the classes of Azure ML's SDK stand on: settings, registered objects, files, and what is refused."""
