//! `endpoint-statistics.yaml`: a real PostgreSQL and BIND; kubectl and the script that provisions a cluster are stand-ins.

use super::{
    Told, Wanted,
    application::{Applications, Rule},
    names::Names,
    replacements::Replacements,
    stand_in::{StandIns, call},
    stores::{self, account, dump, empty, folder, network, older, seat, sql},
    table::Row,
    world::{Setting, World, home, secret},
};
use anyhow::ensure;
use quorate_api::{Execution, Step};
use quorate_test_postgres::{newest, pair::Alone};
use std::{path::PathBuf, time::Duration};

const DATABASE: &str = "stats";
const SETUP: &str = "CREATE TABLE endpoints (id serial PRIMARY KEY, url text); \
                     CREATE TABLE samples (endpoint int, seen_at timestamptz NOT NULL DEFAULT now(), ms int); \
                     INSERT INTO endpoints (url) SELECT '/v1/' || n FROM generate_series(1, 40) AS n; \
                     INSERT INTO samples SELECT n % 40, now() - n * interval '1 second', n FROM generate_series(1, 3000) AS n";
const COUNTS: &str = "SELECT (SELECT count(*) FROM endpoints), (SELECT count(*) FROM samples), (SELECT max(seen_at) FROM samples)";
/// The cluster that serves, with a deployment that is right.
const STATE: [(&str, &str); 4] = [("cluster", "up"), ("api", "3"), ("revision", "good"), ("address", "old")];
/// The cluster is gone.
const GONE: [(&str, &str); 3] = [("cluster", "gone"), ("provisioning", "let"), ("slow", "let")];
const OLD: &[Rule] = &[("/health", &[("api", "3"), ("revision", "good")])];
const NEW: &[Rule] = &[("/health", &[("api", "3"), ("ingress", "applied")])];
/// How old the dump is: what came since is lost.
const DUMP_AGE: Duration = Duration::from_secs(30 * 60);

const PROVISION: &str = "provision endpoint-stats";
const CACHE: &str = "kubectl apply -f k8s/cache/redis.yaml";
/// What rebuilding the cluster does, each once.
const REBUILD: [&str; 8] = [
    PROVISION,
    "kubectl apply -f k8s/core/namespace.yaml",
    "kubectl apply -f k8s/monitoring/",
    "kubectl apply -f k8s/storage/persistent-volumes.yaml -f k8s/maintenance/backup-pvc.yaml",
    "kubectl apply -f k8s/security/secrets.yaml -f k8s/database/postgres.yaml -f k8s/networking/db-alias-service.yaml",
    CACHE,
    "kubectl apply -f k8s/core/flask-api.yaml",
    "kubectl apply -f k8s/networking/ingress.yaml",
];

struct Plan {
    postgres: Alone,
    _applications: Applications,
    backups: PathBuf,
    world: World,
}

pub(super) async fn play(wanted: Wanted) -> Told {
    let mut told = Told::default();
    let Some(mut plan) = told.started("all of them", Plan::start(&wanted).await) else { return told };
    if wanted.wants("database-failure") {
        told.tell("database-failure", plan.database_failure().await);
    }
    if wanted.wants("bad-deployment") {
        told.tell("bad-deployment", plan.bad_deployment().await);
    }
    let human = "cluster-failure, executor killed in what nobody may repeat";
    if wanted.wants(human) {
        told.tell(human, plan.killed_in_the_script(human).await);
    }
    let again = "cluster-failure, executor killed in what may be repeated";
    if wanted.wants(again) {
        told.tell(again, plan.killed_in_an_apply(again).await);
    }
    if wanted.wants("cluster-failure") {
        told.tell("cluster-failure", plan.cluster_failure().await);
    }
    plan.world.stop().await;
    told
}

fn programs(wanted: &Wanted, home: &std::path::Path) -> anyhow::Result<StandIns> {
    let scale = "kubectl scale deployment/flask-api -n endpoint-stats";
    let roll = "kubectl rollout";
    let [provision, namespace, monitoring, volumes, database, cache, api, ingress] = REBUILD.map(call);
    let calls = [
        call(&format!("{scale} --replicas=0"))
            .needs("cluster", "up")
            .sets("api", "0")
            .prints("deployment.apps/flask-api scaled"),
        call(&format!("{scale} --replicas=3"))
            .needs("cluster", "up")
            .sets("api", "3")
            .prints("deployment.apps/flask-api scaled"),
        call(&format!("{roll} undo deployment/flask-api -n endpoint-stats"))
            .needs("revision", "bad")
            .sets("revision", "good")
            .prints("deployment.apps/flask-api rolled back"),
        call(&format!("{roll} status deployment/flask-api -n endpoint-stats --timeout=5m"))
            .needs("revision", "good")
            .prints("deployment \"flask-api\" successfully rolled out"),
        call("kubectl logs -n endpoint-stats deployment/flask-api --tail=200")
            .prints("Traceback (most recent call last):"),
        provision
            .needs("cluster", "gone")
            .until("provisioning", "let")
            .sets("cluster", "up")
            .prints("cluster endpoint-stats: 3 nodes ready"),
        namespace
            .needs("cluster", "up")
            .sets("namespace", "applied")
            .prints("namespace/endpoint-stats created"),
        monitoring.needs("namespace", "applied").prints("configmap/prometheus created"),
        volumes
            .needs("namespace", "applied")
            .sets("volumes", "applied")
            .prints("persistentvolume/postgres created"),
        database
            .needs("volumes", "applied")
            .sets("database", "applied")
            .prints("statefulset.apps/postgres created"),
        cache
            .needs("namespace", "applied")
            .until("slow", "let")
            .sets("cache", "applied")
            .prints("deployment.apps/redis created"),
        api.needs("database", "applied")
            .needs("cache", "applied")
            .sets("api", "3")
            .prints("deployment.apps/flask-api created"),
        ingress
            .needs("api", "3")
            .sets("ingress", "applied")
            .prints("ingress.networking.k8s.io/flask-api created"),
    ];
    StandIns::make(&home.join("programs"), &wanted.binary, &["kubectl", "provision"], &calls, &STATE)
}

impl Plan {
    async fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        let (home, at) = (home()?, network());
        let backups = home.path().join("backups");
        folder(&backups)?;
        let (old, new) = (at(1), at(2));
        let postgres = Alone::seated(seat(at(11)))?;
        account(&postgres.server, DATABASE)?;
        sql(&postgres.server, DATABASE, SETUP)?;
        let stand_ins = programs(wanted, home.path())?;
        let applications = Applications::start(&[(old, OLD), (new, NEW)], &stand_ins).await?;
        let names = Names::start(&home.path().join("names"), &[("stats", old)])?;
        secret(&home.path().join("postgres.password"), stores::PASSWORD)?;
        let replacements = Replacements::default()
            .with("db.endpoint-stats.internal", at(11).to_string())
            .with("203.0.113.20", new.to_string())
            .with("https://stats.example.com/", format!("http://stats.example.com:{}/", applications.port))
            .with("server: ns1.example.com", format!("server: \"{}\"", names.address))
            .with("/backups/endpoint-stats/*.sql", format!("{}/*.sql", backups.display()));
        let at = home.path().display();
        let sections = format!(
            "\nexec: {{programs: {{kubectl: {}, provision: {}}}, dir: {at}}}\n\
             backups: {{programs: {}, restore_from: [{}]}}\n\
             postgres: {{password_file: {at}/postgres.password, ca_file: {}}}\n\
             tsig: {{quorate.example.com: {{secret_file: {at}/names/tsig}}}}\n",
            stand_ins.program("kubectl").display(),
            stand_ins.program("provision").display(),
            newest("psql")?.parent().expect("a program is in a folder").display(),
            backups.display(),
            postgres.authority.display(),
        );
        let world = World::start(Setting {
            policy: "endpoint-statistics",
            service: "endpoint-stats",
            regions: ["production", "office", "elsewhere"],
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
        Ok(Self { postgres, _applications: applications, backups, world })
    }

    /// Dumped, and then rows that come after the dump.
    fn dumped(&self, name: &str) -> anyhow::Result<String> {
        let (server, file) = (&self.postgres.server, self.backups.join(name));
        let stood = sql(server, DATABASE, COUNTS)?;
        dump(server, DATABASE, "-Fp", &file)?;
        older(&file, DUMP_AGE)?;
        sql(server, DATABASE, "INSERT INTO samples VALUES (1, now(), 0)")?;
        Ok(stood)
    }

    fn restored(&self, stood: &str) -> anyhow::Result<()> {
        let stands = sql(&self.postgres.server, DATABASE, COUNTS)?;
        ensure!(stands == stood, "{stands} stands in the place of {stood}");
        Ok(())
    }

    async fn database_failure(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.dumped("failure.sql")?;
        sql(&self.postgres.server, DATABASE, "DROP TABLE endpoints; UPDATE samples SET ms = -1")?;
        let id = self.world.declare("database-failure", &[]).await?;
        self.world.succeeded(&id).await?;
        self.restored(&stood)?;
        let scale = "kubectl scale deployment/flask-api -n endpoint-stats --replicas";
        self.world.stand_ins.did(&[&format!("{scale}=0"), &format!("{scale}=3")])?;
        self.world.row("database-failure", &id, "real PostgreSQL; kubectl: stand-in").await
    }

    async fn bad_deployment(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        self.world.stand_ins.set("revision", "bad")?;
        let id = self.world.declare("bad-deployment", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[
            "kubectl rollout undo deployment/flask-api -n endpoint-stats",
            "kubectl rollout status deployment/flask-api -n endpoint-stats --timeout=5m",
            "kubectl logs -n endpoint-stats deployment/flask-api --tail=200",
        ])?;
        self.world.row("bad-deployment", &id, "kubectl: stand-in").await
    }

    /// The cluster is gone, and its database with it; a dump of another place is there.
    fn lose_the_cluster(&self, name: &str) -> anyhow::Result<String> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.dumped(name)?;
        empty(&self.postgres.server, DATABASE)?;
        self.world.stand_ins.begin(&GONE)?;
        Ok(stood)
    }

    async fn cluster_failure(&self) -> anyhow::Result<Row> {
        let stood = self.lose_the_cluster("cluster.sql")?;
        let id = self.world.declare("cluster-failure", &[]).await?;
        self.world.approve(&id, Some("sure")).await?;
        self.world.succeeded(&id).await?;
        self.restored(&stood)?;
        self.world.stand_ins.did(&REBUILD)?;
        self.world
            .row("cluster-failure", &id, "real PostgreSQL, real BIND; kubectl and script: stand-ins")
            .await
    }

    /// A script that may not be repeated and cannot be looked at: its agent's death stops the plan, for a human.
    async fn killed_in_the_script(&mut self, scenario: &str) -> anyhow::Result<Row> {
        self.lose_the_cluster("script.sql")?;
        self.world.stand_ins.set("provisioning", "held")?;
        let id = self.world.declare("cluster-failure", &[]).await?;
        self.begun(PROVISION, 1).await?;
        let killed = self.world.kill_executor(&id, "provision").await?;
        let execution = self.world.ended(&id).await?;
        ensure!(execution.state == "stopped", "{}", execution.summary);
        ensure!(execution.summary.contains("nobody does it again"), "{}", execution.summary);
        // It never came to its end, and nobody began it again, nor anything after it.
        self.world.stand_ins.set("provisioning", "let")?;
        self.world.start_again(&killed).await?;
        self.world.stand_ins.did(&[])?;
        ensure!(self.world.stand_ins.begun(PROVISION)? == 1, "it was begun again");
        let row = self.world.row(scenario, &id, "SIGKILL; stopped for a human").await?;
        self.world.cli(&["abort", &id, "--reason", "a human has looked"]).await?;
        self.world.ended(&id).await?;
        self.put_back()?;
        Ok(row)
    }

    /// What may be repeated is: another agent does it anew, from the beginning, and everything else once.
    async fn killed_in_an_apply(&mut self, scenario: &str) -> anyhow::Result<Row> {
        let stood = self.lose_the_cluster("apply.sql")?;
        self.world.stand_ins.set("slow", "held")?;
        let id = self.world.declare("cluster-failure", &[]).await?;
        self.begun(CACHE, 1).await?;
        // What runs beside it may be repeated as well, and would be.
        let others = |one: &Execution| {
            let ended = |step: &Step| {
                matches!(step.name.as_str(), "monitoring" | "restore") && step.state == "succeeded"
            };
            one.steps.iter().filter(|step| ended(step)).count() == 2
        };
        self.world.seen(&id, "the steps beside it have ended", others).await?;
        let killed = self.world.kill_executor(&id, "cache").await?;
        self.begun(CACHE, 2).await?;
        self.world.stand_ins.set("slow", "let")?;
        self.world.approve(&id, Some("sure")).await?;
        let execution = self.world.succeeded(&id).await?;
        self.restored(&stood)?;
        // Twice begun, once ended: the first one ended with its agent.
        self.world.stand_ins.did(&REBUILD)?;
        let agent =
            execution.steps.iter().find(|step| step.name == "cache").and_then(|step| step.agent.clone());
        ensure!(agent.as_ref() != Some(&killed), "{agent:?} did it again");
        self.world.start_again(&killed).await?;
        let row = self.world.row(scenario, &id, "SIGKILL; repeated by another agent").await;
        self.put_back()?;
        row
    }

    async fn begun(&self, line: &str, times: usize) -> anyhow::Result<()> {
        self.world
            .until("a command has begun", async || {
                let begun = self.world.stand_ins.begun(line)?;
                ensure!(begun == times, "{line}: begun {begun} times");
                Ok(Some(()))
            })
            .await
    }

    /// As it was before, for the next one.
    fn put_back(&self) -> anyhow::Result<()> {
        empty(&self.postgres.server, DATABASE)?;
        sql(&self.postgres.server, DATABASE, SETUP).map(drop)
    }
}
