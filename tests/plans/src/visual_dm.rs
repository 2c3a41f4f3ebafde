//! `visual-dm.yaml`: a real PostgreSQL pair, Redis and BIND; an Elasticsearch and a kubectl that are stand-ins.

use super::{
    Told, Wanted,
    application::{Applications, Rule, Search},
    clock::Ahead,
    names::Names,
    replacements::Replacements,
    stand_in::{Call, StandIns, call},
    stores::{self, Redis, account, dump, folder, network, older, seat, sql},
    table::Row,
    world::{Setting, World, home, secret},
};
use anyhow::{Context as _, ensure};
use quorate_test_postgres::{
    newest,
    pair::{Held, Replicated},
};
use std::{
    fs::File,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const DATABASE: &str = "visual_dm";
const SETUP: &str = "CREATE TABLE characters (id serial PRIMARY KEY, name text, at timestamptz NOT NULL DEFAULT now()); \
                     INSERT INTO characters (name, at) SELECT 'character ' || n, now() - n * interval '1 second' \
                     FROM generate_series(1, 2000) AS n";
const COUNT: &str = "SELECT count(*) FROM characters";
const NEWEST: &str = "SELECT max(at) FROM characters";
const STATE: [(&str, &str); 4] =
    [("app", "3"), ("redis", "1"), ("redis-pods", "pod/redis-0"), ("search", "there")];
const RULES: &[Rule] = &[
    ("/health", &[("app", "3")]),
    ("/health/sessions", &[("app", "3"), ("redis-pods", "pod/redis-0")]),
    ("/health/search", &[("search", "restored")]),
];
const AUTHORIZATION: &str = "ApiKey c2VhcmNo";

/// How old the dump is: what came since is lost.
const DUMP_AGE: Duration = Duration::from_secs(3 * 3_600);
/// How old the snapshot is.
const RDB_AGE: Duration = Duration::from_secs(20 * 60);

/// By then a drill of every 90 days is overdue, by a tenth and a day more, and a monthly one long since.
const DRILLED_AFTER_DAYS: u64 = 100;

struct Plan {
    pair: Replicated,
    applications: Applications,
    search: Search,
    redis: Redis,
    backups: PathBuf,
    zones: [Ipv4Addr; 2],
    world: World,
}

pub(super) async fn play(wanted: Wanted) -> Told {
    let mut told = Told::default();
    let still =
        ["database-loss", "database-loss, executor killed in the restore", "cache-loss", "search-loss"];
    if wanted.any(&still)
        && let Some(plan) = told.started("all but zone-loss", Plan::start(&wanted).await)
    {
        plan.stay(&wanted, &mut told).await;
    }
    // In a world of its own: a region that has been down and up in plan after plan is flapping, and is left by nobody.
    told.alone(&wanted, "zone-loss", Plan::start, Plan::zone_loss).await;
    let drill = "drill test-restore, as scheduled";
    told.alone(&wanted, drill, Plan::with_drills, Plan::test_restore).await;
    told
}

fn calls() -> Vec<Call> {
    let scale = "kubectl scale deployment/visual-dm";
    let redis = "kubectl scale statefulset/redis";
    vec![
        call(&format!("{scale} --replicas=0")).sets("app", "0").prints("deployment.apps/visual-dm scaled"),
        call(&format!("{scale} --replicas=3")).sets("app", "3").prints("deployment.apps/visual-dm scaled"),
        call(&format!("{redis} --replicas=0"))
            .needs("redis", "1")
            .sets("redis", "0")
            .prints("statefulset.apps/redis scaled"),
        call(&format!("{redis} --replicas=1"))
            .needs("redis-pods", "")
            .sets("redis", "1")
            .prints("statefulset.apps/redis scaled"),
        call("kubectl get pods -l app=redis -o name").looks().prints("{redis-pods}"),
    ]
}

impl Plan {
    async fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        Self::built(wanted, false).await
    }

    /// The same, and the agents begin the drills that are scheduled.
    async fn with_drills(wanted: &Wanted) -> anyhow::Result<Self> {
        Self::built(wanted, true).await
    }

    async fn built(wanted: &Wanted, drills: bool) -> anyhow::Result<Self> {
        let (home, at) = (home()?, network());
        let backups = home.path().join("backup");
        folder(&backups)?;
        let zones = [at(1), at(2)];
        let servers = [at(11), at(12)];
        let pair = Replicated::seated(seat(servers[0]), seat(servers[1]))?;
        account(&pair.primary, DATABASE)?;
        sql(&pair.primary, DATABASE, SETUP)?;
        pair.primary.sql("ALTER ROLE quorate CREATEDB")?;
        let programs = home.path().join("programs");
        let stand_ins = StandIns::make(&programs, &wanted.binary, &["kubectl"], &calls(), &STATE)?;
        let redis = Redis::start(&home.path().join("redis"), 500, &stand_ins)?;
        let applications = Applications::start(&zones.map(|zone| (zone, RULES)), &stand_ins).await?;
        let search = Search::start(AUTHORIZATION, "nightly-7", &stand_ins).await?;
        let names = Names::start(&home.path().join("names"), &[("visual-dm", zones[0])])?;
        secret(&home.path().join("postgres.password"), stores::PASSWORD)?;
        secret(&home.path().join("search.auth"), AUTHORIZATION)?;
        let at = home.path().display();
        let public = format!("http://visual-dm.example.com:{}/", applications.port);
        let replacements = Replacements::default()
            .with("db-a.visual-dm.internal", servers[0].to_string())
            .with("db-b.visual-dm.internal", servers[1].to_string())
            .with("host: a.visual-dm.internal", format!("host: {}", zones[0]))
            .with("host: b.visual-dm.internal", format!("host: {}", zones[1]))
            .with("203.0.113.10", zones[0].to_string())
            .with("203.0.113.11", zones[1].to_string())
            .with("https://{host}/health", format!("http://{{host}}:{}/health", applications.port))
            .with("https://visual-dm.example.com/", public)
            .with("https://search.visual-dm.internal:9200", format!("http://{}", search.address))
            .with("server: ns1.example.com", format!("server: \"{}\"", names.address))
            .with("/backup/*.dump", format!("{}/*.dump", backups.display()))
            .with("/backup/redis-dump.rdb", format!("{}/redis-dump.rdb", backups.display()))
            .with("dir: /redis\n", format!("dir: {at}/redis\n          port: {}\n", redis.port))
            // A minute's dwell would be most of the run.
            .with("agreement: {min_vantages: 1}", "agreement: {min_vantages: 1, dwell: 5s}");
        let replacements = if drills { replacements.with_drills() } else { replacements };
        let sections = format!(
            "\nexec: {{programs: {{kubectl: {}, createdb: {}, dropdb: {}}}, dir: {at}, \
             secrets: {{PGPASSWORD: {at}/postgres.password}}}}\n\
             http: {{servers: {{\"http://{}\": {{secrets: {{SEARCH_AUTH: {at}/search.auth}}}}}}}}\n\
             backups: {{programs: {}, restore_from: [{}], redis_dirs: [{at}/redis]}}\n\
             postgres: {{password_file: {at}/postgres.password, ca_file: {}}}\n\
             tsig: {{quorate.example.com: {{secret_file: {at}/names/tsig}}}}\n",
            stand_ins.program("kubectl").display(),
            newest("createdb")?.display(),
            newest("dropdb")?.display(),
            search.address,
            newest("psql")?.parent().expect("a program is in a folder").display(),
            backups.display(),
            pair.authority.display(),
        );
        let world = World::start(Setting {
            policy: "visual-dm",
            service: "visual-dm",
            regions: ["zone-a", "zone-b", "zone-c"],
            replacements,
            sections,
            sandbox: None,
            names: Some(names),
            objects: None,
            unwatched: &[],
            home,
            stand_ins,
        })
        .await?;
        Ok(Self { pair, applications, search, redis, backups, zones, world })
    }

    async fn stay(mut self, wanted: &Wanted, told: &mut Told) {
        let (restore, killed) = ("database-loss", "database-loss, executor killed in the restore");
        if wanted.wants(restore) {
            told.tell(restore, self.database_loss(restore).await);
        }
        if wanted.wants(killed) {
            told.tell(killed, self.killed_in_the_restore(killed).await);
        }
        if wanted.wants("cache-loss") {
            told.tell("cache-loss", self.cache_loss().await);
        }
        if wanted.wants("search-loss") {
            told.tell("search-loss", self.search_loss().await);
        }
        self.world.stop().await;
    }

    /// Dumped; then rows that come after the dump; then damage.
    fn damage(&self, dump_name: &str) -> anyhow::Result<(String, String)> {
        let file = self.backups.join(dump_name);
        let server = &self.pair.primary;
        let stood = (sql(server, DATABASE, COUNT)?, sql(server, DATABASE, NEWEST)?);
        dump(server, DATABASE, "-Fc", &file)?;
        older(&file, DUMP_AGE)?;
        sql(server, DATABASE, "INSERT INTO characters (name) SELECT 'late' FROM generate_series(1, 7)")?;
        sql(
            server,
            DATABASE,
            "DELETE FROM characters WHERE id % 2 = 0; UPDATE characters SET name = 'spoilt'",
        )?;
        Ok(stood)
    }

    /// The rows are those of the dump: as many, the newest one, and none that came later or was spoilt.
    fn restored(&self, stood: &(String, String)) -> anyhow::Result<()> {
        let server = &self.pair.primary;
        let stands = (sql(server, DATABASE, COUNT)?, sql(server, DATABASE, NEWEST)?);
        ensure!(stands == *stood, "{stands:?} stands in the place of {stood:?}");
        let odd = sql(server, DATABASE, "SELECT count(*) FROM characters WHERE name IN ('late', 'spoilt')")?;
        ensure!(odd == "0", "{odd} rows that were not in the dump");
        Ok(())
    }

    async fn database_loss(&self, scenario: &str) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.damage("one.dump")?;
        let id = self.world.declare("database-loss", &[]).await?;
        self.world.succeeded(&id).await?;
        self.restored(&stood)?;
        self.restarted()?;
        let row = self.world.row(scenario, &id, "real PostgreSQL; kubectl: stand-in").await?;
        // What is told as lost is from the dump to the declaration.
        let told = row.losses_ms.iter().flatten().max().copied().unwrap_or_default();
        ensure!(told >= u64::try_from(DUMP_AGE.as_millis())?, "told as lost: {told} ms");
        Ok(row)
    }

    fn restarted(&self) -> anyhow::Result<()> {
        let scale = "kubectl scale deployment/visual-dm --replicas";
        self.world.stand_ins.did(&[&format!("{scale}=0"), &format!("{scale}=3")])
    }

    /// The restore waits for a session that reads the table, its agent dies, and another one goes on.
    async fn killed_in_the_restore(&mut self, scenario: &str) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.damage("two.dump")?;
        // The server writes down what sets up or changes a schema, from here on; a restore's last word before its commit is its note.
        self.pair.primary.sql(&format!("ALTER DATABASE {DATABASE} SET log_statement = 'ddl'"))?;
        let reader: Held = self.pair.primary.hold_in(DATABASE, "SELECT FROM characters LIMIT 1")?;
        let id = self.world.declare("database-loss", &[]).await?;
        let locked = "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock')";
        self.world
            .until("the restore is in its midst", async || {
                let waits = self.pair.primary.sql(&format!("SELECT {locked}"))?;
                Ok((waits == "t").then_some(()))
            })
            .await?;
        let killed = self.world.kill_executor(&id, "restore").await?;
        // Its server notices late that a client is gone.
        self.pair
            .primary
            .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")?;
        drop(reader);
        let execution = self.world.succeeded(&id).await?;
        self.restored(&stood)?;
        self.restarted()?;
        let step = execution.steps.iter().find(|step| step.name == "restore");
        let agent = step.and_then(|step| step.agent.clone()).unwrap_or_default();
        ensure!(agent != killed && step.is_some_and(|step| step.attempt == 2), "{step:?}");
        // One note: one restore was committed, and it is this execution's.
        let note = sql(&self.pair.primary, DATABASE, "SELECT obj_description('quorate'::regnamespace)")?;
        ensure!(note.contains(&format!("\"{id}\"")), "{note}");
        // A dump has the note of the restore before it, so it is this execution's that counts.
        let (notes, own) = ("COMMENT ON SCHEMA quorate IS", format!("\"{id}\""));
        let log = self.pair.primary.log()?;
        let done = log.lines().filter(|line| line.contains(notes) && line.contains(&own)).count();
        ensure!(done == 1, "by the server's own log, a restore came to its end {done} times");
        self.world.start_again(&killed).await?;
        self.world.row(scenario, &id, "real PostgreSQL; SIGKILL; resumed by another agent").await
    }

    async fn cache_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let file = self.backups.join("redis-dump.rdb");
        let stood = self.redis.keys("key:500")?;
        self.redis.back_up(&file)?;
        older(&file, RDB_AGE)?;
        self.redis.lose()?;
        let id = self.world.declare("cache-loss", &[]).await?;
        self.world.succeeded(&id).await?;
        self.redis.wait()?;
        let stands = self.redis.keys("key:500")?;
        ensure!(stands == stood && stood.0 == "500", "{stands:?} stands in the place of {stood:?}");
        let scale = "kubectl scale statefulset/redis --replicas";
        self.world.stand_ins.did(&[&format!("{scale}=0"), &format!("{scale}=1")])?;
        self.world.row("cache-loss", &id, "real Redis; kubectl: stand-in").await
    }

    async fn search_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let id = self.world.declare("search-loss", &[("snapshot", "nightly-7")]).await?;
        self.world.succeeded(&id).await?;
        let restore = "POST /_snapshot/backups/nightly-7/_restore?wait_for_completion=false";
        ensure!(self.search.asked() == [restore], "{:?}", self.search.asked());
        self.world.row("search-loss", &id, "Elasticsearch: stand-in over HTTP").await
    }

    /// The zone dies with its database; the standby has every row that was acknowledged before.
    async fn zone_loss(mut self, scenario: &str) -> anyhow::Result<Row> {
        let server = &self.pair.primary;
        sql(server, DATABASE, "INSERT INTO characters (name) VALUES ('the newest')")?;
        self.pair.catch_up()?;
        let stood = (sql(server, DATABASE, COUNT)?, sql(server, DATABASE, NEWEST)?);
        self.applications.kill(self.zones[0]);
        server.stop()?;
        let id = self.world.detected().await?.id;
        self.world.approve(&id, None).await?;
        self.world.succeeded(&id).await?;
        let standby = &self.pair.replica;
        let stands = (sql(standby, DATABASE, COUNT)?, sql(standby, DATABASE, NEWEST)?);
        ensure!(stands == stood, "{stands:?} stands in the place of {stood:?}");
        ensure!(standby.sql("SELECT pg_is_in_recovery()")? == "f", "the standby was not promoted");
        sql(standby, DATABASE, "INSERT INTO characters (name) VALUES ('after it')")?;
        self.world.stand_ins.did(&[])?;
        let row = self.world.row(scenario, &id, "real PostgreSQL pair, real BIND; approved").await;
        self.world.stop().await;
        row
    }

    /// Months later, at noon, the test restore is overdue and its window is shut; the dry run of the zone's loss has none, and is made.
    /// At night the agents begin the test restore by themselves: a real dump, a database of its own, the plan's query, and nothing
    /// is left of it.
    async fn test_restore(mut self, scenario: &str) -> anyhow::Result<Row> {
        let (noon, night) = (Ahead::to(DRILLED_AFTER_DAYS, 12)?, Ahead::to(DRILLED_AFTER_DAYS + 1, 2)?);
        let server = &self.pair.primary;
        let stood = (sql(server, DATABASE, COUNT)?, sql(server, DATABASE, NEWEST)?);
        let (file, rdb) = (self.backups.join("drill.dump"), self.backups.join("redis-dump.rdb"));
        dump(server, DATABASE, "-Fc", &file)?;
        self.redis.back_up(&rdb)?;
        self.world.restart(noon).await?;
        self.world
            .drill("the test restore is overdue, and waits for its window", "test-restore", |drill| {
                drill.due == "overdue"
                    && drill.runs.is_empty()
                    && drill.blocked.iter().any(|why| why.contains("none of its windows"))
            })
            .await?;
        let shown = self.world.cli(&["drills", "visual-dm"]).await;
        ensure!(shown.is_err_and(|error| error.to_string().contains("overdue")), "exit code 1 says so too");
        let looked =
            self.world.drill("the dry run is made", "zone-failover", |drill| !drill.runs.is_empty()).await?;
        ensure!(
            (looked.runs[0].mode.as_str(), looked.runs[0].by.as_str()) == ("dry-run", "schedule"),
            "{looked:?}"
        );
        // BIND lives today, and refuses what is signed months later: that is what stands in the way, and a dry run is to find it.
        let found = &looked.runs[0];
        ensure!(found.execution.is_none() && found.state == "failed", "it takes no slot: {found:?}");
        ensure!(found.outcome.contains("step point") && found.outcome.contains("BADTIME"), "{found:?}");

        dated(&file, night.now() - DUMP_AGE)?;
        dated(&rdb, night.now() - RDB_AGE)?;
        self.world.restart(night).await?;
        let done = self
            .world
            .drill("the test restore is made and cleared away", "test-restore", |drill| {
                drill.due == "later" && drill.runs.first().is_some_and(|run| !run.second_outcome.is_empty())
            })
            .await?;
        let run = &done.runs[0];
        ensure!((run.state.as_str(), run.second_outcome.as_str()) == ("succeeded", "succeeded"), "{run:?}");
        ensure!((run.by.as_str(), run.mode.as_str(), done.count) == ("schedule", "isolated", 1), "{run:?}");
        ensure!(run.rto_ms.is_some() && run.rpo_ms >= Some(u64::try_from(DUMP_AGE.as_millis())?), "{run:?}");
        let id = run.execution.clone().context("it is an execution")?;
        let execution = self.world.succeeded(&id).await?;
        let query = execution.steps.iter().find(|step| step.name == "complete").context("it has the step")?;
        ensure!(query.detail.contains(&stood.0), "{} rows were dumped: {}", stood.0, query.detail);
        let server = &self.pair.primary;
        let left = server.sql("SELECT count(*) FROM pg_database WHERE datname = 'visual_dm_drill'")?;
        let stands = (sql(server, DATABASE, COUNT)?, sql(server, DATABASE, NEWEST)?);
        ensure!(
            left == "0" && stands == stood,
            "{left} are left; {stands:?} stands in the place of {stood:?}"
        );
        self.world.stand_ins.did(&[])?;
        let row = self.world.row(scenario, &id, "real PostgreSQL; begun by the agents, months later").await;
        self.world.stop().await;
        row
    }
}

/// Gives a backup the date that a job would have given it.
fn dated(file: &Path, at: SystemTime) -> anyhow::Result<()> {
    Ok(File::options().write(true).open(file)?.set_modified(at)?)
}
