"""Half of the requests name the served model and ask for short answers, so that they reach more than the 404."""

import os

import schemathesis


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict) or len(str(body)) % 2 == 0:
        return body
    return {**body, "model": os.environ["CONFORMANCE_MODEL"], "max_tokens": 8}
