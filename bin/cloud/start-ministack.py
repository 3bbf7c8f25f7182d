"""
Starts MiniStack with three faults mended that hide what AWS does:

- A task of Step Functions that waits for a token swallows the error of its function and waits on for ever. On AWS the task
  fails, and its Retry and Catch apply.
- A function that reports records of a stream as failed is taken to have processed all. AWS delivers from the first of them
  on again; here the whole batch comes again.
- Whatever a function on Node throws is called Runtime.HandlerError. On AWS it has the name of its class, by which state
  machines tell a refusal from a lost answer.
"""

import inspect
import textwrap

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import lambda_svc, stepfunctions


def mend(module, name, fault, right):
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    if source.count(fault) != 1:
        raise SystemExit(f"MiniStack is another one than this file mends: see what {name} does by itself")
    exec(source.replace(fault, right), vars(module))


mend(
    stepfunctions,
    "_invoke_with_callback",
    "except _ExecutionError:\n            pass",
    "except _ExecutionError:\n            _task_tokens.pop(token, None)\n            raise",
)
mend(
    lambda_svc,
    "_poll_dynamodb_streams",
    'if result.get("error"):',
    'if result.get("error") or (result.get("body") or {}).get("batchItemFailures"):',
)
mend(
    lambda_svc,
    "_execute_function_warm",
    'error_type = "Runtime.HandlerError"',
    'error_type = (result.get("trace") or "Runtime.HandlerError").split("\\n")[0].split(":")[0].strip()',
)
UNNAMED = 'trace: err.stack || ""'
if lambda_runtime._NODEJS_WORKER_SCRIPT.count(UNNAMED) != 1:
    raise SystemExit("MiniStack is another one than this file mends: see what its functions on Node say of an error")
lambda_runtime._NODEJS_WORKER_SCRIPT = lambda_runtime._NODEJS_WORKER_SCRIPT.replace(
    UNNAMED, "trace: `${err.name}: ${err.stack}`"
)

app.main()
