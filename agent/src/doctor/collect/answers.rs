//! What the agent beside this command says over its own API: its standing, and the policies by which it judges. It is only
//! read, and no token is sent.

use crate::{
    cli::client::{Client, ClientError},
    doctor::facts::Local,
};
use futures_util::future::try_join_all;
use quorate_api::{PolicyView, Status};
use quorate_policies::{
    Policy,
    document::{self, AgentFile},
};

/// What the policies in force are, or why they are not known.
pub(super) type InForce = Result<Vec<Policy>, String>;

/// Asks it. The policies are none if there is nobody to ask.
pub(super) async fn ask(file: &AgentFile) -> (Local, Option<InForce>) {
    let address = file.listen.to_string();
    let silent = |error: ClientError| {
        let why = match error {
            ClientError::NoAgent { detail, .. } => detail,
            other => other.to_string(),
        };
        (Local::Silent { address: address.clone(), why }, None)
    };
    let client = match client(file) {
        Ok(client) => client,
        Err(error) => return silent(error),
    };
    let status = match client.get::<Status>(&["status"], &[]).await {
        Ok(answer) => answer.value,
        Err(error) => return silent(error),
    };
    let ready = client.look("/readyz").await.is_ok_and(|status| status.is_success());
    let policies = policies(&client, &status).await;
    (Local::Answers { status: Box::new(status), ready }, Some(policies))
}

/// A client of the agent beside this command.
pub(super) fn client(file: &AgentFile) -> Result<Client, ClientError> {
    Client::new(&file.listen.to_string(), None, None)
}

async fn policies(client: &Client, status: &Status) -> InForce {
    let each = status.services.iter().map(|service| async {
        let view = client.get::<PolicyView>(&["policies", &service.name], &[]).await;
        let view = view.map_err(|error| format!("the policy of {}: {error}", service.name))?.value;
        document::read_policy(&service.name, &view.policy).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("the policy of {} cannot be read by this version: {}", service.name, problems.join("; "))
        })
    });
    try_join_all(each).await
}
