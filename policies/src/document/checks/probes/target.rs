//! What a probe looks at: that it can be asked, in every region.

use super::super::{
    address, database,
    variables::{self, Scope},
};
use crate::{
    document::problem::{FieldPath, Problem},
    policy::{HttpProbe, Looks, Policy, PostgresProbe},
};

pub(super) fn check(policy: &Policy, field: &FieldPath, looks: &Looks, problems: &mut Vec<Problem>) {
    match looks {
        Looks::Http(http) => endpoint(policy, field, http, problems),
        Looks::Postgres(postgres) => server(policy, &field.join("postgres"), postgres, problems),
    }
}

fn endpoint(policy: &Policy, field: &FieldPath, probe: &HttpProbe, problems: &mut Vec<Problem>) {
    let http = field.join("http");
    let urls = variables::resolve(policy, Scope::Probe, &http, &probe.url, problems);
    let wrong = urls.and_then(|urls| urls.values().find_map(|url| address::probed(url).err()));
    if let Some(wrong) = wrong {
        problems.push(Problem::error(http, wrong, address::MEND));
    }
    let Some(host) = &probe.host else { return };
    let field = field.join("host");
    let names = variables::resolve(policy, Scope::Probe, &field, host, problems);
    let bare = |name: &String| address::host(name) || name.parse::<std::net::Ipv4Addr>().is_ok();
    if let Some(name) = names.and_then(|names| names.into_values().find(|name| !bare(name))) {
        let message = format!("`{name}` is not a host name");
        problems.push(Problem::error(field, message, "write the name alone, without scheme, port and path"));
    }
}

fn server(policy: &Policy, field: &FieldPath, probe: &PostgresProbe, problems: &mut Vec<Problem>) {
    if probe.port == 0 {
        let mend = "write the server's port; 5432 is the default";
        problems.push(Problem::error(field.join("port"), "0 is no port", mend));
    }
    let mut judge = |key: &str, text: &str, sound: fn(&str) -> Result<(), String>, mend: &str| {
        let place = field.join(key);
        let texts = variables::resolve(policy, Scope::Probe, &place, text, problems);
        if let Some(wrong) = texts.and_then(|texts| texts.values().find_map(|text| sound(text).err())) {
            problems.push(Problem::error(place, wrong, mend));
        }
    };
    judge("host", &probe.host, database::host, "write the server's host, without a scheme or a port");
    judge("database", &probe.database, database::name, database::NAME_MEND);
    judge("user", &probe.user, database::name, database::NAME_MEND);
    let Some(table) = &probe.write else { return };
    // A table may have such a name, but a switch is what the writer means.
    if ["true", "false"].contains(&table.as_str()) {
        let message = format!("`{table}` would be the name of a table");
        let mend = "name the table, such as quorate_heartbeat, or leave the key out to write nothing";
        problems.push(Problem::error(field.join("write"), message, mend));
    } else if let Err(wrong) = database::table(table) {
        problems.push(Problem::error(field.join("write"), wrong, database::TABLE_MEND));
    }
}
