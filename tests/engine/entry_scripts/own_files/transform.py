# Nothing is returned that counts: each file becomes a file of the script's own, told of by the step's logger.
import os
import sys
import tempfile

from azureml_user.parallel_run import EntryScript

entry_script = None


def init():
    global entry_script
    entry_script = EntryScript()
    logger = entry_script.logger
    logger.info("init() is called on agent %s, logs in %s", entry_script.agent_name, entry_script.log_dir)


def run(mini_batch):
    logger = EntryScript().logger
    logger.debug("run with %d files", len(mini_batch))
    out = sys.argv[sys.argv.index("--out") + 1] if "--out" in sys.argv else entry_script.output_dir
    for path in mini_batch:
        with open(path) as file:
            text = file.read()
        fd, temporary = tempfile.mkstemp(dir=out)
        with os.fdopen(fd, "w") as file:
            file.write(text.upper())
        os.replace(temporary, os.path.join(out, os.path.basename(path)))
        logger.info("%s is done", os.path.basename(path))
    return mini_batch


def shutdown():
    EntryScript().logger.info("shutdown() is called")
