//! Restores: a file that is found in one place, and a target that is named in full.

use super::{
    super::{backups, database},
    fields::Fields,
    postgres,
};
use crate::plan::action::{PostgresRestore, RedisRestore, RestoreFile};

/// What is wrong with a path, and what to write.
const PATH_MEND: &str = "write a path from the root, such as /backups/database/*.dump";

pub(super) fn postgres(fields: &mut Fields<'_>, action: &PostgresRestore) {
    postgres::server(fields, "the server", action.port);
    file(fields, "dump", &action.dump);
}

pub(super) fn redis(fields: &mut Fields<'_>, action: &RedisRestore) {
    fields.judge("host", database::host, "write the host of Redis, without a scheme or a port");
    if action.port == 0 {
        fields.wrong(&["port"], "0 is no port", "write the port of Redis; 6379 is the default");
    }
    file(fields, "rdb", &action.rdb);
    let folder = |text: &str| {
        let plain = !text.contains(['*', '?', '[']);
        backups::path(text)
            .map_err(|(why, _)| why)
            .and_then(|()| if plain { Ok(()) } else { Err(format!("`{text}` means several folders")) })
    };
    fields.judge("dir", folder, "write the data directory of Redis, such as /var/lib/redis");
    let name = |text: &str| {
        let plain = !text.contains(['/', '*', '?', '[']) && text != ".." && text != ".";
        if plain { Ok(()) } else { Err(format!("`{text}` is not the name of a file")) }
    };
    fields.judge("file", name, "write the name alone; dump.rdb is the default");
}

fn file(fields: &mut Fields<'_>, key: &str, file: &RestoreFile) {
    fields.judge_in(&[key, "path"], |text| backups::path(text).map_err(|(why, _)| why), PATH_MEND);
    if file.max_age.is_some_and(|length| length.is_zero()) {
        fields.wrong(&[key, "max_age"], "no file is as young as that", "write a length such as 25h");
    }
}
