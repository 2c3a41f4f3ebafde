//! `dese-ea-plan.yaml`: two real PostgreSQL servers, Redis and BIND; kubectl and the script that preserves evidence are stand-ins.

use super::{
    Told, Wanted,
    application::{Applications, Rule},
    names::Names,
    objects::Objects,
    replacements::Replacements,
    stand_in::{Call, StandIns, call},
    stores::{self, Redis, account, dump, empty, folder, network, older, seat, sql},
    table::Row,
    world::{Setting, World, home, secret},
};
use anyhow::ensure;
use quorate_test_postgres::{
    newest,
    pair::{Alone, Postgres},
};
use std::{fs, net::Ipv4Addr, path::PathBuf, time::Duration};

const DATABASE: &str = "dese_ea_plan";
const SETUP: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text, at timestamptz NOT NULL DEFAULT now()); \
                     INSERT INTO users (name, at) SELECT 'user ' || n, now() - n * interval '1 minute' \
                     FROM generate_series(1, 900) AS n";
const ROWS: &str = "SELECT count(*), max(at) FROM users";
const STATE: [(&str, &str); 7] = [
    ("cluster-a", "3"),
    ("cluster-b", "0"),
    ("revision", "good"),
    ("deny", "no"),
    ("redis", "1"),
    ("redis-pods", "pod/redis-0"),
    ("configuration", "right"),
];
const A: &[Rule] = &[("/health", &[("cluster-a", "3"), ("revision", "good"), ("deny", "no")])];
const B: &[Rule] = &[("/health", &[("cluster-b", "3")])];
/// How old the dump is: what came since is lost.
const DUMP_AGE: Duration = Duration::from_secs(50 * 60);
/// How old the snapshot is.
const RDB_AGE: Duration = Duration::from_secs(12 * 60);

/// The bucket of the copies, and its region.
const BUCKET: &str = "dese-backups";
const BUCKET_REGION: &str = "eu-central-1";

/// What leaves the service where it is.
const STAY: [&str; 8] = [
    "bad-deployment",
    "security-breach",
    "cache-loss",
    "configuration-loss",
    "database-corruption",
    "cluster-failure",
    FETCH,
    FETCHED,
];
/// The local dumps are gone, and what is fetched in their place is what the database is restored from.
const FETCH: &str = "local-backups-lost";
const FETCHED: &str = "database-corruption, from what was fetched";

struct Plan {
    a: Alone,
    b: Alone,
    redis: Redis,
    applications: Applications,
    first: Ipv4Addr,
    backups: PathBuf,
    fetched: PathBuf,
    world: World,
}

pub(super) async fn play(wanted: Wanted) -> Told {
    let mut told = Told::default();
    if wanted.any(&STAY)
        && let Some(plan) = told.started("all but data-center-outage", Plan::start(&wanted).await)
    {
        plan.stay(&wanted, &mut told).await;
    }
    // In a world of its own: a region that has been down and up in plan after plan is flapping, and is left by nobody.
    told.alone(&wanted, "data-center-outage", Plan::start, Plan::data_center_outage).await;
    told
}

/// What `kubectl` is told in the first cluster.
fn kubectl(words: &str) -> String {
    format!("kubectl --context cluster-a {words} -n dese-prod")
}

fn calls() -> Vec<Call> {
    let a = |words: &str| call(&kubectl(words));
    vec![
        call("kubectl --context cluster-a cluster-info").prints("Kubernetes control plane is running at https://cluster-a"),
        call("kubectl --context cluster-b apply -f k8s/backup/deployment.yaml -n dese-prod")
            .needs("cluster-b", "0")
            .sets("cluster-b", "3")
            .prints("deployment.apps/dese-ea-plan created"),
        a("apply -f k8s/backup/deployment.yaml").needs("cluster-a", "gone").sets("cluster-a", "3").prints("deployment.apps/dese-ea-plan created"),
        a("scale deployment/dese-ea-plan --replicas=0").needs("cluster-a", "3").sets("cluster-a", "0").prints("deployment.apps/dese-ea-plan scaled"),
        a("apply -f k8s/jobs/migrate.yaml").needs("cluster-a", "0").sets("migrated", "yes").prints("job.batch/migrate created"),
        a("scale deployment/dese-ea-plan --replicas=3").needs("migrated", "yes").sets("cluster-a", "3").prints("deployment.apps/dese-ea-plan scaled"),
        a("rollout undo deployment/dese-ea-plan").needs("revision", "bad").sets("revision", "good").prints("deployment.apps/dese-ea-plan rolled back"),
        call("kubectl --context cluster-a rollout status deployment/dese-ea-plan -n dese-prod --timeout=3m")
            .needs("revision", "good")
            .prints("deployment \"dese-ea-plan\" successfully rolled out"),
        a("apply -f k8s/security/deny-all.yaml").sets("deny", "yes").prints("networkpolicy.networking.k8s.io/deny-all created"),
        call("preserve-evidence cluster-a").needs("deny", "yes").sets("evidence", "kept").prints("evidence: 12 pods, 3 volumes"),
        call("kubectl --context cluster-a delete -f k8s/security/deny-all.yaml -n dese-prod --ignore-not-found")
            .needs("deny", "yes")
            .needs("evidence", "kept")
            .sets("deny", "no")
            .prints("networkpolicy.networking.k8s.io \"deny-all\" deleted"),
        a("scale statefulset/redis --replicas=0").needs("redis", "1").sets("redis", "0").prints("statefulset.apps/redis scaled"),
        a("scale statefulset/redis --replicas=1").needs("redis-pods", "").sets("redis", "1").prints("statefulset.apps/redis scaled"),
        call("kubectl --context cluster-a get pods -l app=redis -o name -n dese-prod").looks().prints("{redis-pods}"),
        a("apply -f k8s/backup/configmaps.yaml").sets("configuration", "right").prints("configmap/dese-ea-plan configured"),
        a("apply -f k8s/backup/secrets.yaml").prints("secret/dese-ea-plan configured"),
        call("kubectl --context cluster-a get configmap,secret -n dese-prod").needs("configuration", "right").prints("configmap/dese-ea-plan\nsecret/dese-ea-plan"),
    ]
}

/// Each cluster's server; the first has the data.
fn servers(addresses: [Ipv4Addr; 2]) -> anyhow::Result<(Alone, Alone)> {
    let [a, b] = addresses.map(|address| Alone::seated(seat(address)));
    let (a, b) = (a?, b?);
    for server in [&a.server, &b.server] {
        account(server, DATABASE)?;
    }
    sql(&a.server, DATABASE, SETUP)?;
    Ok((a, b))
}

impl Plan {
    async fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        let (home, at) = (home()?, network());
        let backups = home.path().join("backups");
        folder(&backups)?;
        let (a, b) = servers([at(11), at(12)])?;
        // Both clusters' authorities in one file, as an operator keeps them.
        let authorities = home.path().join("authorities.pem");
        fs::write(&authorities, fs::read_to_string(&a.authority)? + &fs::read_to_string(&b.authority)?)?;
        let programs = ["kubectl", "preserve-evidence"];
        let stand_ins =
            StandIns::make(&home.path().join("programs"), &wanted.binary, &programs, &calls(), &STATE)?;
        let redis = Redis::start(&home.path().join("redis"), 300, &stand_ins)?;
        let (first, second) = (at(1), at(2));
        let applications = Applications::start(&[(first, A), (second, B)], &stand_ins).await?;
        let names = Names::start(&home.path().join("names"), &[("api.dese", first)])?;
        secret(&home.path().join("postgres.password"), stores::PASSWORD)?;
        let here = home.path().display();
        let objects = Objects::start(&[BUCKET_REGION])?;
        objects.bucket(BUCKET, BUCKET_REGION).await?;
        let fetched = backups.join("fetched");
        folder(&fetched)?;
        let replacements = Replacements::default()
            .with("db.cluster-a.dese.internal", at(11).to_string())
            .with("db.cluster-b.dese.internal", at(12).to_string())
            .with("host: a.dese.example.com", format!("host: {first}"))
            .with("host: b.dese.example.com", format!("host: {second}"))
            .with("203.0.113.30", first.to_string())
            .with("203.0.113.31", second.to_string())
            .with("https://{host}/health", format!("http://{{host}}:{}/health", applications.port))
            .with(
                "https://api.dese.example.com/",
                format!("http://api.dese.example.com:{}/", applications.port),
            )
            .with("server: ns1.example.com", format!("server: \"{}\"", names.address))
            .with("/backups/fetched", fetched.display().to_string())
            .with("/backups/database/*.dump", format!("{}/*.dump", backups.display()))
            .with("/backups/redis-dump.rdb", format!("{}/redis-dump.rdb", backups.display()))
            .with("dir: /redis}", format!("dir: {here}/redis, port: {}}}", redis.port))
            // A minute's dwell would be most of the run.
            .with("agreement: {min_vantages: 1}", "agreement: {min_vantages: 1, dwell: 5s}");
        let sections = format!(
            "\nexec: {{programs: {{kubectl: {}, preserve-evidence: {}}}, dir: {here}}}\n\
             backups: {{programs: {}, restore_from: [{}], redis_dirs: [{here}/redis], sync_to: [{}]}}\n\
             postgres: {{password_file: {here}/postgres.password, ca_file: {}}}\n\
             tsig: {{quorate.example.com: {{secret_file: {here}/names/tsig}}}}\n",
            stand_ins.program("kubectl").display(),
            stand_ins.program("preserve-evidence").display(),
            newest("psql")?.parent().expect("a program is in a folder").display(),
            backups.display(),
            fetched.display(),
            authorities.display(),
        );
        let world = World::start(Setting {
            policy: "dese-ea-plan",
            service: "dese-ea-plan",
            regions: ["cluster-a", "cluster-b", "office"],
            replacements,
            sections,
            sandbox: None,
            names: Some(names),
            objects: Some(objects),
            unwatched: &["cluster-b"],
            home,
            stand_ins,
        })
        .await?;
        Ok(Self { a, b, redis, applications, first, backups, fetched, world })
    }

    async fn stay(self, wanted: &Wanted, told: &mut Told) {
        for scenario in STAY.into_iter().filter(|scenario| wanted.wants(scenario)) {
            let came = match scenario {
                "bad-deployment" => self.bad_deployment().await,
                "security-breach" => self.security_breach().await,
                "cache-loss" => self.cache_loss().await,
                "configuration-loss" => self.configuration_loss().await,
                "database-corruption" => self.database_corruption().await,
                FETCH => self.local_backups_lost().await,
                FETCHED => self.restore_what_was_fetched().await,
                _ => self.cluster_failure().await,
            };
            told.tell(scenario, came);
        }
        self.world.stop().await;
    }

    /// Dumped, and then a row that comes after the dump.
    fn dumped(&self, name: &str) -> anyhow::Result<String> {
        let (server, file) = (&self.a.server, self.backups.join(name));
        sql(server, DATABASE, "DELETE FROM users WHERE name = 'late'")?;
        let stood = sql(server, DATABASE, ROWS)?;
        dump(server, DATABASE, "-Fc", &file)?;
        older(&file, DUMP_AGE)?;
        sql(server, DATABASE, "INSERT INTO users (name) VALUES ('late')")?;
        Ok(stood)
    }

    async fn database_corruption(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.dumped("corruption.dump")?;
        sql(&self.a.server, DATABASE, "DELETE FROM users WHERE id > 10; ALTER TABLE users DROP COLUMN name")?;
        let id = self.world.declare("database-corruption", &[]).await?;
        self.world.succeeded(&id).await?;
        restored(&self.a.server, &stood)?;
        self.world.stand_ins.did(&[
            &kubectl("scale deployment/dese-ea-plan --replicas=0"),
            &kubectl("apply -f k8s/jobs/migrate.yaml"),
            &kubectl("scale deployment/dese-ea-plan --replicas=3"),
        ])?;
        self.world.row("database-corruption", &id, "real PostgreSQL; kubectl: stand-in").await
    }

    /// The dump is in the bucket alone, and is fetched; its bytes are the same. What stood in the database, and the execution.
    async fn fetch(&self, name: &str) -> anyhow::Result<(String, String)> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.dumped(name)?;
        let content = fs::read(self.backups.join(name))?;
        self.world.objects()?.put(BUCKET, &format!("database/{name}"), &content).await?;
        for entry in fs::read_dir(&self.backups)? {
            let file = entry?.path();
            if file.extension().is_some_and(|end| end == "dump") {
                fs::remove_file(file)?;
            }
        }
        let id = self.world.declare(FETCH, &[]).await?;
        self.world.succeeded(&id).await?;
        let there = fs::read(self.fetched.join("database").join(name))?;
        ensure!(there == content, "{name}: {} bytes stand in the place of {}", there.len(), content.len());
        self.world.stand_ins.did(&[])?;
        Ok((stood, id))
    }

    async fn local_backups_lost(&self) -> anyhow::Result<Row> {
        let (_, id) = self.fetch("copy.dump").await?;
        self.world.row(FETCH, &id, "real dump; S3: moto").await
    }

    async fn restore_what_was_fetched(&self) -> anyhow::Result<Row> {
        let (stood, _) = self.fetch("later-copy.dump").await?;
        sql(&self.a.server, DATABASE, "DELETE FROM users WHERE id % 3 = 0")?;
        let dumps = self.fetched.join("database/*.dump").display().to_string();
        let id = self.world.declare("database-corruption", &[("dump", &dumps)]).await?;
        self.world.succeeded(&id).await?;
        restored(&self.a.server, &stood)?;
        self.world.row(FETCHED, &id, "real PostgreSQL, dump from moto's S3; kubectl: stand-in").await
    }

    /// The cluster is deployed anew in its place, with an empty database.
    async fn cluster_failure(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let stood = self.dumped("cluster.dump")?;
        empty(&self.a.server, DATABASE)?;
        self.world.stand_ins.set("cluster-a", "gone")?;
        let id = self.world.declare("cluster-failure", &[]).await?;
        self.world.succeeded(&id).await?;
        restored(&self.a.server, &stood)?;
        self.world.stand_ins.did(&[
            "kubectl --context cluster-a cluster-info",
            &kubectl("apply -f k8s/backup/deployment.yaml"),
        ])?;
        self.world.row("cluster-failure", &id, "real PostgreSQL; kubectl: stand-in").await
    }

    async fn bad_deployment(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        self.world.stand_ins.set("revision", "bad")?;
        let id = self.world.declare("bad-deployment", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[
            &kubectl("rollout undo deployment/dese-ea-plan"),
            "kubectl --context cluster-a rollout status deployment/dese-ea-plan -n dese-prod --timeout=3m",
        ])?;
        self.world.row("bad-deployment", &id, "kubectl: stand-in").await
    }

    async fn security_breach(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let id = self.world.declare("security-breach", &[]).await?;
        self.world.approve(&id, Some("assessed")).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[
            &kubectl("apply -f k8s/security/deny-all.yaml"),
            "preserve-evidence cluster-a",
            "kubectl --context cluster-a delete -f k8s/security/deny-all.yaml -n dese-prod --ignore-not-found",
        ])?;
        self.world.row("security-breach", &id, "kubectl and script: stand-ins; approved").await
    }

    async fn cache_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        let file = self.backups.join("redis-dump.rdb");
        let stood = self.redis.keys("key:300")?;
        self.redis.back_up(&file)?;
        older(&file, RDB_AGE)?;
        self.redis.lose()?;
        let id = self.world.declare("cache-loss", &[]).await?;
        self.world.succeeded(&id).await?;
        self.redis.wait()?;
        let stands = self.redis.keys("key:300")?;
        ensure!(stands == stood && stood.0 == "300", "{stands:?} stands in the place of {stood:?}");
        self.world.stand_ins.did(&[
            &kubectl("scale statefulset/redis --replicas=0"),
            &kubectl("scale statefulset/redis --replicas=1"),
        ])?;
        self.world.row("cache-loss", &id, "real Redis; kubectl: stand-in").await
    }

    async fn configuration_loss(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&STATE)?;
        self.world.stand_ins.set("configuration", "wrong")?;
        let id = self.world.declare("configuration-loss", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[
            &kubectl("apply -f k8s/backup/configmaps.yaml"),
            &kubectl("apply -f k8s/backup/secrets.yaml"),
            "kubectl --context cluster-a get configmap,secret -n dese-prod",
        ])?;
        self.world.row("configuration-loss", &id, "kubectl: stand-in").await
    }

    /// The first cluster dies with its database; the second one is filled and deployed when somebody has approved.
    async fn data_center_outage(mut self, scenario: &str) -> anyhow::Result<Row> {
        let stood = self.dumped("outage.dump")?;
        self.applications.kill(self.first);
        self.a.server.stop()?;
        let id = self.world.detected().await?.id;
        self.world.approve(&id, None).await?;
        self.world.succeeded(&id).await?;
        restored(&self.b.server, &stood)?;
        self.world
            .stand_ins
            .did(&["kubectl --context cluster-b apply -f k8s/backup/deployment.yaml -n dese-prod"])?;
        let against = "real PostgreSQL, real BIND; kubectl: stand-in; approved";
        let row = self.world.row(scenario, &id, against).await;
        self.world.stop().await;
        row
    }
}

/// The rows are those of the dump: as many, and the newest one.
fn restored(server: &Postgres, stood: &str) -> anyhow::Result<()> {
    let stands = sql(server, DATABASE, ROWS)?;
    ensure!(stands == stood, "{stands} stands in the place of {stood}");
    let late = sql(server, DATABASE, "SELECT count(*) FROM users WHERE name = 'late'")?;
    ensure!(late == "0", "{late} rows that came after the dump");
    Ok(())
}
