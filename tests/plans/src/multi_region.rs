//! `multi-region.yaml`: the sandbox in the place of AWS and of the status page; a real PostgreSQL behind the instance that RDS
//! restores; kubectl and the script of pre-checks are stand-ins.

use super::{
    Told, Wanted,
    objects::Objects,
    replacements::Replacements,
    stand_in::{Call, StandIns, call},
    stores::{self, account, network, seat, sql},
    table::Row,
    world::{Setting, World, home, secret},
};
use anyhow::{Context as _, ensure};
use quorate_policies::Timestamp;
use quorate_sandbox::{Options, Sandbox};
use quorate_test_postgres::pair::Alone;
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";
const DATABASE: &str = "app";
const SETUP: &str = "CREATE TABLE critical_table (id serial PRIMARY KEY, created_at timestamptz NOT NULL)";
const ROWS: &str = "SELECT count(*), max(created_at) FROM critical_table";
const CONFIGURE: &str = "kubectl set env deployment/app DATABASE_HOST=dr-database.us-west-2.internal \
                         REDIS_HOST=dr-redis.us-west-2.internal REGION=us-west-2 -n production";
const CONFIGURE_HOME: &str = "kubectl set env deployment/app DATABASE_HOST=prod-database.us-east-1.internal \
                              REDIS_HOST=prod-redis.us-east-1.internal REGION=us-east-1 -n production";
const RECOVERED: &str =
    "kubectl set env deployment/app DATABASE_HOST=recovered-database.us-east-1.internal -n production";
/// What restoring the services does, each once, in this order of needs.
const SERVICES: [&str; 12] = [
    "kubectl apply -f manifests/database.yaml",
    "kubectl wait --for=condition=ready pod -l app=database --timeout=300s",
    "kubectl apply -f manifests/redis.yaml",
    "kubectl wait --for=condition=ready pod -l app=redis --timeout=60s",
    "kubectl apply -f manifests/message-queue.yaml",
    "kubectl rollout status deployment/message-queue --timeout=300s",
    "kubectl apply -f manifests/auth-service.yaml",
    "kubectl rollout status deployment/auth-service --timeout=300s",
    "kubectl apply -f manifests/api-gateway.yaml",
    "kubectl apply -f manifests/web-app.yaml",
    "kubectl rollout status deployment/web-app --timeout=300s",
    "kubectl apply -f manifests/admin-panel.yaml",
];
const REPORTING: &str = "kubectl apply -f manifests/reporting.yaml";
/// What leaves the service where it is.
const STILL: [&str; 4] = ["cache-loss", "services-lost", "files-lost", "database-corruption"];
/// The region is lost, and the way home from there.
const AWAY: [&str; 4] = ["region-loss", "replica-lost", "return", "too-large"];
const BUCKET: &str = "company-backups";
const COPIES: &str = "company-backups-dr";
/// The day whose files are fetched, as the bucket's folders are named.
const DAY: &str = "20261122";
/// Its files, below the day.
const FILES: [(&str, &[u8]); 3] = [
    ("configs.tar.gz", b"\x1f\x8b\x08\x00 not really packed"),
    ("k8s-resources.yaml", b"kind: List\nitems: []\n"),
    ("uploads/invoice-7.pdf", b"%PDF-1.7 invoice 7"),
];
/// How far back the last good moment lies: what came since is lost.
const UNTIL: Duration = Duration::from_secs(10 * 60);
/// How long the reply of a promotion is held back while its executor is killed.
const HOLD_REPLY_MS: u64 = 5_000;

struct Plan {
    world: World,
    recovered: Alone,
    files: PathBuf,
}

pub(super) async fn play(wanted: Wanted) -> Told {
    let mut told = Told::default();
    if (wanted.any(&STILL) || wanted.any(&AWAY))
        && let Some(plan) = told.started("all but the others", Plan::start(&wanted).await)
    {
        plan.stay_and_move(&wanted, &mut told).await;
    }
    // Each of these leaves the region, and so has a world of its own.
    told.alone(&wanted, "manual-failover", Plan::start, Plan::by_hand).await;
    let killed = "region-loss, executor killed in the promotion";
    told.alone(&wanted, killed, Plan::start, Plan::killed_in_the_promotion).await;
    told
}

fn calls() -> Vec<Call> {
    let [
        database,
        database_ready,
        cache,
        cache_ready,
        queue,
        queue_ready,
        auth,
        auth_ready,
        gateway,
        web,
        web_ready,
        admin,
    ] = SERVICES.map(call);
    vec![
        call("dr-pre-checks").prints("replica: in sync\ncapacity: 10 tasks\nbackups: fresh"),
        call(CONFIGURE).prints("deployment.apps/app env updated"),
        call(CONFIGURE_HOME).prints("deployment.apps/app env updated"),
        call(RECOVERED).prints("deployment.apps/app env updated"),
        call("kubectl apply -f manifests/cache.yaml")
            .sets("cache", "applied")
            .prints("statefulset.apps/redis configured"),
        database.sets("database", "applied").prints("statefulset.apps/database created"),
        database_ready
            .needs("database", "applied")
            .sets("database", "ready")
            .prints("pod/database-0 condition met"),
        cache.needs("database", "ready").sets("cache", "applied").prints("statefulset.apps/redis created"),
        cache_ready.needs("cache", "applied").sets("cache", "ready").prints("pod/redis-0 condition met"),
        queue
            .needs("database", "ready")
            .sets("queue", "applied")
            .prints("deployment.apps/message-queue created"),
        queue_ready
            .needs("queue", "applied")
            .sets("queue", "ready")
            .prints("deployment \"message-queue\" successfully rolled out"),
        auth.needs("cache", "ready")
            .needs("queue", "ready")
            .sets("auth", "applied")
            .prints("deployment.apps/auth-service created"),
        auth_ready
            .needs("auth", "applied")
            .sets("auth", "ready")
            .prints("deployment \"auth-service\" successfully rolled out"),
        gateway
            .needs("auth", "ready")
            .sets("gateway", "applied")
            .prints("deployment.apps/api-gateway created"),
        web.needs("gateway", "applied").sets("web", "applied").prints("deployment.apps/web-app created"),
        web_ready
            .needs("web", "applied")
            .sets("web", "ready")
            .prints("deployment \"web-app\" successfully rolled out"),
        admin.needs("web", "ready").sets("admin", "applied").prints("deployment.apps/admin-panel created"),
        call(REPORTING).needs("admin", "applied").prints("deployment.apps/reporting created"),
    ]
}

/// The moment that long ago, as an operator writes it.
pub(super) fn ago(span: Duration) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp(u64::try_from((now - span).as_millis())?).to_string())
}

/// The world, with the names of the policy.
fn options() -> Options {
    let mut options = Options {
        service: "app".to_owned(),
        ecs_service: "app-service".to_owned(),
        zone_name: "example.com".to_owned(),
        zone_id: "Z1EXAMPLE".to_owned(),
        more_records: vec!["api.example.com".to_owned(), "admin.example.com".to_owned()],
        page: "pageid".to_owned(),
        ..Options::default()
    };
    options.timing.alias_ttl_s = 1;
    options
}

/// The backups' bucket and its copy in the other region.
async fn buckets() -> anyhow::Result<Objects> {
    let objects = Objects::start(&[EAST, WEST])?;
    for (bucket, region) in [(BUCKET, EAST), (COPIES, WEST)] {
        objects.bucket(bucket, region).await?;
        objects.put(bucket, &format!("{DAY}/database.dump"), b"PGDMP").await?;
    }
    Ok(objects)
}

impl Plan {
    async fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        let (home, at) = (home()?, network());
        let sandbox = Sandbox::start(options()).await?;
        let service = sandbox.endpoints().service.clone();
        let recovered = Alone::seated(seat(at(21)))?;
        account(&recovered.server, DATABASE)?;
        sql(&recovered.server, DATABASE, SETUP)?;
        let programs = ["kubectl", "dr-pre-checks"];
        let stand_ins =
            StandIns::make(&home.path().join("programs"), &wanted.binary, &programs, &calls(), &[])?;
        secret(&home.path().join("postgres.password"), stores::PASSWORD)?;
        let objects = buckets().await?;
        let files = home.path().join("recovered");
        fs::create_dir_all(&files)?;
        let state = home.path().join("backup/east");
        fs::create_dir_all(&state)?;
        fs::write(state.join("k8s-resources.yaml"), "kind: List\n")?;
        let here = home.path().display();
        let public = |name: &str| format!("http://{name}.example.com:{}/", service.port);
        let target = |region: &str| service.aliases[region].target.clone();
        let replacements = Replacements::default()
            .with("cluster: prod-cluster", format!("cluster: {}", service.cluster))
            .with("cluster: dr-cluster", format!("cluster: {}", service.cluster))
            .with("database: prod-database,", format!("database: {},", service.instances[EAST]))
            .with("database: dr-database,", format!("database: {},", service.instances[WEST]))
            .with("instance: prod-database", format!("instance: {}", service.instances[EAST]))
            .with("instance: dr-database", format!("instance: {}", service.instances[WEST]))
            .with("/srv/recovered", format!("{here}/recovered"))
            .with("prod-alb.us-east-1.elb.amazonaws.com", target(EAST))
            .with("dr-alb.us-west-2.elb.amazonaws.com", target(WEST))
            .with("https://{alb}/", format!("http://{{alb}}:{}/", service.port))
            .with("https://api.example.com/", public("api"))
            .with("https://www.example.com/", public("www"))
            .with("https://admin.example.com/", public("admin"))
            .with("/backup/*/k8s-resources.yaml", format!("{here}/backup/*/k8s-resources.yaml"))
            .with("host: \"recovered-database.{to}.internal\"", format!("host: {}", at(21)))
            // Two minutes of waiting would be most of the run.
            .with("dwell: 60s", "dwell: 5s")
            .with("wait: {for: 1m}", "wait: {for: 1s}");
        let sections = format!(
            "\nexec: {{programs: {{kubectl: {}, dr-pre-checks: {}}}, dir: {here}}}\n\
             backups: {{sync_to: [{here}/recovered]}}\n\
             postgres: {{password_file: {here}/postgres.password, ca_file: {}}}\n",
            stand_ins.program("kubectl").display(),
            stand_ins.program("dr-pre-checks").display(),
            recovered.authority.display(),
        );
        let world = World::start(Setting {
            policy: "multi-region",
            service: "app",
            regions: [EAST, WEST, "eu-west-1"],
            replacements,
            sections,
            sandbox: Some(sandbox),
            names: None,
            objects: Some(objects),
            unwatched: &[],
            home,
            stand_ins,
        })
        .await?;
        Ok(Self { world, recovered, files })
    }

    async fn stay_and_move(self, wanted: &Wanted, told: &mut Told) {
        for scenario in STILL.into_iter().filter(|scenario| wanted.wants(scenario)) {
            let came = match scenario {
                "cache-loss" => self.cache_loss().await,
                "services-lost" => self.services_lost().await,
                "files-lost" => self.files_lost().await,
                _ => self.database_corruption().await,
            };
            told.tell(scenario, came);
        }
        told.in_order(wanted, &AWAY, async |scenario| self.away_and_home(scenario).await).await;
        self.world.stop().await;
    }

    /// The region is lost, and the service goes home again: what comes later needs what comes before.
    async fn away_and_home(&self, scenario: &str) -> anyhow::Result<Row> {
        match scenario {
            "region-loss" => self.region_loss().await,
            "replica-lost" => self.replica_lost().await,
            "return" => self.comes_home().await,
            _ => self.too_large().await,
        }
    }

    async fn cache_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        let id = self.world.declare("cache-loss", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&["kubectl apply -f manifests/cache.yaml"])?;
        self.world.row("cache-loss", &id, "kubectl: stand-in; sandbox's DNS").await
    }

    async fn services_lost(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        let id = self.world.declare("services-lost", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[SERVICES.as_slice(), &[REPORTING]].concat())?;
        self.world.row("services-lost", &id, "kubectl: stand-in; sandbox's DNS").await
    }

    /// One day's files are fetched from the other region's copy; those of another day stay where they are.
    async fn files_lost(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        for (name, content) in FILES {
            self.world.objects()?.put(COPIES, &format!("{DAY}/{name}"), content).await?;
        }
        self.world.objects()?.put(COPIES, "20261121/configs.tar.gz", b"of another day").await?;
        let id = self.world.declare("files-lost", &[("day", DAY)]).await?;
        self.world.approve(&id, Some("sure")).await?;
        self.world.succeeded(&id).await?;
        for (name, content) in FILES {
            let there = fs::read(self.files.join(DAY).join(name))?;
            ensure!(there == content, "{name} has another content");
        }
        let days: Vec<_> = fs::read_dir(&self.files)?.flatten().map(|entry| entry.file_name()).collect();
        ensure!(days == [DAY], "{days:?}");
        self.world.row("files-lost", &id, "S3: moto; approved").await
    }

    /// RDS restores to the last good moment; what stands behind the new instance has the rows until then.
    async fn database_corruption(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        let until = ago(UNTIL)?;
        let rows = format!(
            "INSERT INTO critical_table (created_at) SELECT '{until}'::timestamptz - n * interval '1 minute' \
             FROM generate_series(0, 499) AS n"
        );
        sql(&self.recovered.server, DATABASE, &rows)?;
        let id = self.world.declare("database-corruption", &[("until", &until)]).await?;
        self.world.approve(&id, Some("sure")).await?;
        let execution = self.world.succeeded(&id).await?;
        let effects: Vec<Value> = self.world.control()?.get("/control/effects").await?;
        let restored: Vec<&Value> =
            effects.iter().filter(|one| one["operation"] == "RestoreDBInstanceToPointInTime").collect();
        ensure!(restored.len() == 1 && restored[0]["outcome"] == "applied", "{restored:?}");
        let look = execution.steps.iter().find(|step| step.name == "look").context("it has the step")?;
        let stands = sql(&self.recovered.server, DATABASE, ROWS)?;
        ensure!(stands.starts_with("500|") && look.detail.contains("500"), "{stands}; {}", look.detail);
        self.world.stand_ins.did(&[RECOVERED])?;
        let against = "sandbox's RDS, real PostgreSQL behind it; kubectl: stand-in";
        self.world.row("database-corruption", &id, against).await
    }

    async fn kill_the_region(&self) -> anyhow::Result<()> {
        self.world.control()?.post("/control/fault", &json!({"region": EAST, "kind": "kill"})).await.map(drop)
    }

    /// Every change was made once, and the service answers in the other region.
    async fn moved_once(&self) -> anyhow::Result<()> {
        for operation in ["PromoteReadReplica", "ChangeResourceRecordSets"] {
            let made = self.world.effects(operation).await?;
            ensure!(made == 1, "{operation} was applied {made} times");
        }
        let world: Value = self.world.control()?.get("/control/world").await?;
        let databases = world["databases"].as_array().cloned().unwrap_or_default();
        let writable = databases
            .iter()
            .any(|one| one["id"] == "app-replica" && one["status"] == "available" && one["source"].is_null());
        ensure!(writable, "no database of {WEST} takes writes: {databases:?}");
        Ok(())
    }

    async fn region_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.kill_the_region().await?;
        let id = self.world.detected().await?.id;
        self.world.succeeded(&id).await?;
        self.moved_once().await?;
        self.world.stand_ins.did(&[CONFIGURE])?;
        self.world
            .row("region-loss", &id, "sandbox's RDS, ECS, Route 53, Statuspage; kubectl: stand-in")
            .await
    }

    /// The region is back. Its old primary is renamed and kept, a replica of the new one has its name, and its tasks run again.
    async fn replica_lost(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.control()?.post("/control/fault", &json!({"region": EAST, "kind": "none"})).await?;
        self.world.way_home("app is in us-west-2; rebuild is next").await?;
        let id = self.world.failback().await?;
        self.world.succeeded(&id).await?;
        self.world.replicates("app-primary", "app-replica").await?;
        let made = self.world.effects("CreateDBInstanceReadReplica").await?;
        ensure!(made == 1, "a replica was made {made} times");
        self.world.row("replica-lost", &id, "sandbox's RDS, ECS").await
    }

    /// Home is asked first: healthy by agreement, its replica near enough. Then it serves, once more in the order of the file.
    async fn comes_home(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.way_home("app is in us-west-2; switch is next").await?;
        let id = self.world.failback().await?;
        let execution = self.world.succeeded(&id).await?;
        ensure!((execution.from.as_str(), execution.to.as_str()) == (WEST, EAST), "{}", execution.summary);
        for operation in ["PromoteReadReplica", "ChangeResourceRecordSets"] {
            let made = self.world.effects(operation).await?;
            ensure!(made == 2, "{operation} was applied {made} times, there and back");
        }
        self.world.stand_ins.did(&["dr-pre-checks", CONFIGURE_HOME])?;
        self.world.row("return", &id, "sandbox; kubectl and script: stand-ins; in the file's order").await
    }

    /// What the failover made larger is small again, and the standby is one again.
    async fn too_large(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.way_home("app is in us-east-1; after is next").await?;
        let id = self.world.declare("too-large", &[]).await?;
        self.world.approve(&id, Some("sure")).await?;
        self.world.succeeded(&id).await?;
        self.world.replicates("app-replica", "app-primary").await?;
        self.world.way_home("app is at home in us-east-1: nothing is to be done").await?;
        self.world.row("too-large", &id, "sandbox's RDS, ECS; approved").await
    }

    /// In the order of the file.
    async fn by_hand(self, scenario: &str) -> anyhow::Result<Row> {
        let id = self.world.declare(scenario, &[]).await?;
        let execution = self.world.succeeded(&id).await?;
        self.moved_once().await?;
        self.world.stand_ins.did(&["dr-pre-checks", CONFIGURE])?;
        let at = |name: &str, begun: bool| {
            let step = execution.steps.iter().find(|step| step.name == name);
            step.and_then(|step| if begun { step.started_at.clone() } else { step.ended_at.clone() })
        };
        let order = ["pre-checks", "repoint", "scale", "promote", "configure", "api", "tell"];
        for pair in order.windows(2) {
            let (ended, begun) = (at(pair[0], false), at(pair[1], true));
            ensure!(
                ended.is_some() && ended <= begun,
                "{} ended {ended:?}, {} began {begun:?}",
                pair[0],
                pair[1]
            );
        }
        let row = self
            .world
            .row(scenario, &id, "sandbox; kubectl and script: stand-ins; in the file's order")
            .await;
        self.world.stop().await;
        row
    }

    /// The promotion is applied, its reply is held back, and the agent that asked for it dies.
    async fn killed_in_the_promotion(mut self, scenario: &str) -> anyhow::Result<Row> {
        let hold = |ms: u64| json!({"operation": "PromoteReadReplica", "region": WEST, "ms": ms});
        self.world.control()?.post("/control/hold", &hold(HOLD_REPLY_MS)).await?;
        self.kill_the_region().await?;
        let id = self.world.detected().await?.id;
        self.world
            .until("the promotion is applied", async || {
                Ok((self.world.effects("PromoteReadReplica").await? == 1).then_some(()))
            })
            .await?;
        let killed = self.world.kill_executor(&id, "promote").await?;
        self.world.control()?.post("/control/hold", &hold(0)).await?;
        let execution = self.world.succeeded(&id).await?;
        self.moved_once().await?;
        self.world.stand_ins.did(&[CONFIGURE])?;
        let step = execution.steps.iter().find(|step| step.name == "promote");
        ensure!(
            step.is_some_and(|step| step.agent.as_ref() != Some(&killed) && step.attempt == 2),
            "{step:?}"
        );
        let row = self.world.row(scenario, &id, "sandbox; SIGKILL; resumed by another agent").await;
        self.world.stop().await;
        row
    }
}
