"""Who is let in to the tests' MLflow by a bearer token, as the `authorization_function` of its auth app.

A function like this one is what MLflow's documentation offers for tokens: it looks at the header and names the user.
Who brings a password goes to MLflow's own function.
"""

import hmac
import os

from flask import request
from mlflow.server.auth import authenticate_request_basic_auth, make_basic_auth_response
from werkzeug.datastructures import Authorization


def authenticate():
    given = request.authorization
    if given is None or given.type != "bearer":
        return authenticate_request_basic_auth()
    if hmac.compare_digest(given.token or "", os.environ["TEST_BEARER_TOKEN"]):
        return Authorization("basic", {"username": os.environ["TEST_BEARER_USER"]})
    return make_basic_auth_response()
