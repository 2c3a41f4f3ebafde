"""STS AssumeRole that reads the role's trust policy, as far as Quorate's cross-account roles use it.

moto hands out credentials for roles that do not exist and ignores the external id. Here the role must exist in IAM
(CreateRole), and an external id that its trust policy asks for must be the one given. Principals are not judged: moto
does not know who calls.
"""

import json
from xml.sax.saxutils import escape

from moto.core.exceptions import AccessDeniedError
from moto.iam.models import iam_backends
from moto.sts import models
from moto.sts.exceptions import STSValidationError
from moto.utilities.utils import get_partition

from .patch import replace


class NotTrusted(AccessDeniedError):
    """moto's own refusal has one wrapping too many for an SDK, which finds no code in it."""

    def __init__(self, caller, role):
        super().__init__(caller, f"sts:AssumeRole on resource: {role}")
        error = f"<Type>Sender</Type><Code>AccessDenied</Code><Message>{escape(self.message)}</Message>"
        self.description = (
            f"<ErrorResponse><Error>{error}</Error><RequestId>strict</RequestId></ErrorResponse>"
        )


# The shortest session that AWS grants, in seconds.
SESSION_MIN = 900


def trusted(document, external_id):
    """Whether any statement lets this external id in."""
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    for statement in statements:
        wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if statement.get("Effect") == "Allow" and (wanted is None or external_id in wanted):
            return True
    return False


_assume_role = models.STSBackend.assume_role


@replace(models.STSBackend, "assume_role")
def assume_role(self, region_name, role_session_name, role_arn, policy, duration, external_id):
    if duration is not None and int(duration) < SESSION_MIN:
        raise STSValidationError(
            "1 validation error detected: Value at 'durationSeconds' failed to satisfy "
            f"constraint: Member must have value greater than or equal to {SESSION_MIN}"
        )
    account = role_arn.split(":")[4]
    roles = iam_backends[account][get_partition(region_name)].roles.values()
    role = next((each for each in roles if each.arn == role_arn), None)
    if role is None or not trusted(json.loads(role.assume_role_policy_document), external_id):
        # AWS does not say which of the two it was.
        raise NotTrusted(f"arn:aws:iam::{self.account_id}:user/moto", role_arn)
    return _assume_role(
        self,
        region_name=region_name,
        role_session_name=role_session_name,
        role_arn=role_arn,
        policy=policy,
        duration=duration,
        external_id=external_id,
    )
