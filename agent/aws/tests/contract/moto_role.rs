//! A role in strict moto that wants an external id, for the stories of STS.

use crate::moto::{Moto, PRIMARY, STANDBY, between};
use crate::resources::fresh;
use crate::world::Role;

impl Moto {
    pub(crate) async fn role(&self) -> Role {
        let (name, external_id) = (fresh("failover"), fresh("external"));
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{external_id}"}}}}}}]}}"#
        );
        let fields = [
            ("Action", "CreateRole"),
            ("Version", "2010-05-08"),
            ("RoleName", &name),
            ("AssumeRolePolicyDocument", &trust),
        ];
        let made = self.form("iam", PRIMARY, &fields).await;
        Role { region: STANDBY.into(), arn: between(&made, "<Arn>", "<").to_owned(), external_id }
    }
}
