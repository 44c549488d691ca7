"""The Python SDK: jobs and pipelines built, run, followed and read from programs and notebooks."""
