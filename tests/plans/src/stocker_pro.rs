//! `stocker-pro.yaml`: the sandbox in the place of AWS, a real PostgreSQL behind the instance that RDS restores, a real git;
//! kubectl and terraform are stand-ins.

use super::{
    Told, Wanted,
    multi_region::ago,
    replacements::Replacements,
    stand_in::{Call, StandIns, call},
    stores::{self, account, network, seat, sql},
    table::Row,
    world::{Setting, World, home, secret},
};
use anyhow::{Context as _, ensure};
use quorate_sandbox::{Options, Sandbox};
use quorate_test_postgres::{pair::Alone, run};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";
const GIT: &str = "/usr/bin/git";
const DATABASE: &str = "stocker";
const SETUP: &str = "CREATE TABLE products (id serial PRIMARY KEY, name text); \
                     CREATE TABLE stock_movements (product int, created_at timestamptz NOT NULL); \
                     INSERT INTO products (name) SELECT 'product ' || n FROM generate_series(1, 70) AS n";
const OVERLAY: &str = "kubectl apply -k kubernetes/overlays/production";
const SCALE: &str = "kubectl scale deployment/stocker-api -n stocker-production --replicas";
const POINT: &str = "kubectl set env deployment/stocker-api -n stocker-production \
                     DB_HOST=stocker-pro-primary-recovery.stocker.internal";
/// The region is lost, and the way home from there.
const AWAY: [&str; 4] = ["region-outage", "replica-lost", "return", "standby-lost"];
/// How far back the last good moment lies: what came since is lost.
const UNTIL: Duration = Duration::from_secs(8 * 60);

struct Plan {
    world: World,
    recovered: Alone,
    repository: PathBuf,
}

pub(super) async fn play(wanted: Wanted) -> Told {
    let mut told = Told::default();
    let Some(plan) = told.started("all of them", Plan::start(&wanted).await) else { return told };
    if wanted.wants("data-corruption") {
        told.tell("data-corruption", plan.data_corruption().await);
    }
    if wanted.wants("cluster-failure") {
        told.tell("cluster-failure", plan.cluster_failure().await);
    }
    if wanted.wants("misconfiguration") {
        told.tell("misconfiguration", plan.misconfiguration().await);
    }
    told.in_order(&wanted, &AWAY, async |scenario| plan.away_and_home(scenario).await).await;
    plan.world.stop().await;
    told
}

fn init(state: &str, region: &str) -> String {
    format!(
        "terraform init -input=false -no-color -reconfigure -backend-config=bucket=stocker-pro-terraform-state \
         -backend-config=key=stocker-pro/{state}/terraform.tfstate -backend-config=region={region} \
         -backend-config=dynamodb_table=stocker-pro-terraform-locks"
    )
}

fn kubeconfig(state: &str, region: &str) -> String {
    format!("aws eks update-kubeconfig --name stocker-pro-{state} --region {region}")
}

fn apply(state: &str) -> String {
    format!("terraform apply -input=false -no-color -auto-approve -var-file={state}.tfvars")
}

fn calls() -> Vec<Call> {
    let complete = "Apply complete! Resources: 12 added, 0 changed, 0 destroyed.";
    let mut calls = vec![
        call(OVERLAY)
            .needs("infrastructure", "built")
            .needs("kubeconfig", "written")
            .sets("deployed", "yes")
            .prints("deployment.apps/stocker-api configured"),
        call(&format!("{SCALE}=0"))
            .needs("api", "3")
            .sets("api", "0")
            .prints("deployment.apps/stocker-api scaled"),
        call(POINT)
            .needs("api", "0")
            .sets("pointed", "yes")
            .prints("deployment.apps/stocker-api env updated"),
        call(&format!("{SCALE}=3"))
            .needs("pointed", "yes")
            .sets("api", "3")
            .prints("deployment.apps/stocker-api scaled"),
    ];
    for (state, region) in [("production", EAST), ("production-dr", WEST)] {
        calls.push(
            call(&init(state, region))
                .sets("backend", state)
                .prints("Terraform has been successfully initialized!"),
        );
        calls.push(
            call(&kubeconfig(state, region))
                .needs("infrastructure", "built")
                .sets("kubeconfig", "written")
                .prints(&format!("Updated context stocker-pro-{state}")),
        );
        calls.push(
            call(&apply(state)).needs("backend", state).sets("infrastructure", "built").prints(complete),
        );
    }
    calls
}

/// The repository that is deployed from, with a good revision and a later one that is not.
fn repository(home: &Path) -> anyhow::Result<PathBuf> {
    let repository = home.join("stocker");
    fs::create_dir_all(repository.join("terraform"))?;
    let git = |words: &[&str]| {
        let mut git = Command::new(GIT);
        git.current_dir(&repository).args(["-c", "user.name=ann", "-c", "user.email=ann@example.com"]);
        run(git.args(words))
    };
    let file = repository.join("terraform/production.tfvars");
    git(&["init", "-q"])?;
    fs::write(&file, "nodes = 3\n")?;
    git(&["add", "."])?;
    git(&["commit", "-q", "-m", "three nodes"])?;
    fs::write(&file, "nodes = 0\n")?;
    git(&["commit", "-q", "-a", "-m", "no nodes"])?;
    Ok(repository)
}

impl Plan {
    async fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        let (home, at) = (home()?, network());
        let mut options = Options {
            service: "stocker-pro".to_owned(),
            zone_name: "example.com".to_owned(),
            zone_id: "ZXXXXXXXXXXXXX".to_owned(),
            more_records: vec!["api.stocker.example.com".to_owned()],
            ..Options::default()
        };
        options.timing.alias_ttl_s = 1;
        let sandbox = Sandbox::start(options).await?;
        let service = sandbox.endpoints().service.clone();
        let recovered = Alone::seated(seat(at(21)))?;
        account(&recovered.server, DATABASE)?;
        sql(&recovered.server, DATABASE, SETUP)?;
        let programs = ["kubectl", "terraform", "aws"];
        let stand_ins =
            StandIns::make(&home.path().join("programs"), &wanted.binary, &programs, &calls(), &[])?;
        let repository = repository(home.path())?;
        secret(&home.path().join("postgres.password"), stores::PASSWORD)?;
        let public = format!("http://api.stocker.example.com:{}/", service.port);
        let target = |region: &str| service.aliases[region].target.clone();
        let replacements = Replacements::default()
            .with("database: stocker-pro-production,", format!("database: {},", service.instances[EAST]))
            .with("database: stocker-pro-production-dr,", format!("database: {},", service.instances[WEST]))
            .with("instance: stocker-pro-production-dr", format!("instance: {}", service.instances[WEST]))
            .with("instance: stocker-pro-production", format!("instance: {}", service.instances[EAST]))
            .with("stocker.us-east-1.elb.amazonaws.com", target(EAST))
            .with("stocker.us-west-2.elb.amazonaws.com", target(WEST))
            .with("https://{alb}/", format!("http://{{alb}}:{}/", service.port))
            .with("https://api.stocker.example.com/", public)
            .with("host: \"{to.database}-recovery.stocker.internal\"", format!("host: {}", at(21)))
            // A minute's dwell would be most of the run.
            .with("agreement: {min_vantages: 1}", "agreement: {min_vantages: 1, dwell: 5s}");
        let sections = format!(
            "\nexec: {{programs: {{kubectl: {}, terraform: {}, aws: {}, git: {GIT}}}, dir: {}}}\n\
             postgres: {{password_file: {}/postgres.password, ca_file: {}}}\n",
            stand_ins.program("kubectl").display(),
            stand_ins.program("terraform").display(),
            stand_ins.program("aws").display(),
            repository.display(),
            home.path().display(),
            recovered.authority.display(),
        );
        let world = World::start(Setting {
            policy: "stocker-pro",
            service: "stocker-pro",
            regions: [EAST, WEST, "eu-west-1"],
            replacements,
            sections,
            sandbox: Some(sandbox),
            names: None,
            objects: None,
            unwatched: &[],
            home,
            stand_ins,
        })
        .await?;
        Ok(Self { world, recovered, repository })
    }

    /// Writes stop, RDS restores to the last good moment, and writes go there once somebody has looked.
    async fn data_corruption(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[("api", "3")])?;
        let until = ago(UNTIL)?;
        let rows = format!(
            "INSERT INTO stock_movements SELECT n % 70, '{until}'::timestamptz - n * interval '1 minute' \
             FROM generate_series(0, 999) AS n"
        );
        sql(&self.recovered.server, DATABASE, &rows)?;
        let id = self.world.declare("data-corruption", &[("until", &until)]).await?;
        self.world.approve(&id, Some("sure")).await?;
        let execution = self.world.succeeded(&id).await?;
        let made = self.world.effects("RestoreDBInstanceToPointInTime").await?;
        ensure!(made == 1, "restored {made} times");
        let look = execution.steps.iter().find(|step| step.name == "complete").context("it has the step")?;
        ensure!(look.detail.contains("70"), "{}", look.detail);
        self.world.stand_ins.did(&[&format!("{SCALE}=0"), POINT, &format!("{SCALE}=3")])?;
        let against = "sandbox's RDS, real PostgreSQL behind it; kubectl: stand-in";
        self.world.row("data-corruption", &id, against).await
    }

    async fn cluster_failure(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        let id = self.world.declare("cluster-failure", &[]).await?;
        self.world.succeeded(&id).await?;
        self.world.stand_ins.did(&[
            &init("production", EAST),
            &apply("production"),
            &kubeconfig("production", EAST),
            OVERLAY,
        ])?;
        self.world.row("cluster-failure", &id, "terraform, kubectl: stand-ins; sandbox's DNS").await
    }

    async fn misconfiguration(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[("backend", "production"), ("kubeconfig", "written")])?;
        let git = |words: &[&str]| run(Command::new(GIT).current_dir(&self.repository).args(words));
        let good = git(&["rev-parse", "HEAD~1"])?;
        let id = self.world.declare("misconfiguration", &[("revision", &good)]).await?;
        self.world.succeeded(&id).await?;
        let file = fs::read_to_string(self.repository.join("terraform/production.tfvars"))?;
        ensure!(git(&["rev-parse", "HEAD"])? == good && file == "nodes = 3\n", "{file}");
        self.world.stand_ins.did(&[&apply("production"), OVERLAY])?;
        self.world.row("misconfiguration", &id, "real git; terraform, kubectl: stand-ins").await
    }

    async fn region_outage(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.control()?.post("/control/fault", &json!({"region": EAST, "kind": "kill"})).await?;
        let id = self.world.detected().await?.id;
        self.world.approve(&id, None).await?;
        self.world.succeeded(&id).await?;
        for operation in ["PromoteReadReplica", "ChangeResourceRecordSets"] {
            let made = self.world.effects(operation).await?;
            ensure!(made == 1, "{operation} was applied {made} times");
        }
        self.world.stand_ins.did(&[
            &init("production-dr", WEST),
            &apply("production-dr"),
            &kubeconfig("production-dr", WEST),
            OVERLAY,
        ])?;
        self.world.row("region-outage", &id, "sandbox's RDS, Route 53; terraform, kubectl: stand-ins").await
    }

    /// The region is lost, and the service goes home again: what comes later needs what comes before.
    async fn away_and_home(&self, scenario: &str) -> anyhow::Result<Row> {
        match scenario {
            "region-outage" => self.region_outage().await,
            "replica-lost" => self.replica_lost().await,
            "return" => self.comes_home().await,
            _ => self.standby_lost().await,
        }
    }

    async fn replica_lost(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.control()?.post("/control/fault", &json!({"region": EAST, "kind": "none"})).await?;
        self.world.way_home("stocker-pro is in us-west-2; rebuild is next").await?;
        let id = self.world.failback().await?;
        self.world.succeeded(&id).await?;
        self.world.replicates("stocker-pro-primary", "stocker-pro-replica").await?;
        self.world.row("replica-lost", &id, "sandbox's RDS").await
    }

    async fn comes_home(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.way_home("stocker-pro is in us-west-2; switch is next").await?;
        let id = self.world.failback().await?;
        self.world.succeeded(&id).await?;
        for operation in ["PromoteReadReplica", "ChangeResourceRecordSets"] {
            let made = self.world.effects(operation).await?;
            ensure!(made == 2, "{operation} was applied {made} times, there and back");
        }
        self.world.stand_ins.did(&[
            &init("production", EAST),
            &apply("production"),
            &kubeconfig("production", EAST),
            OVERLAY,
        ])?;
        self.world.row("return", &id, "sandbox's RDS, Route 53; terraform, kubectl: stand-ins").await
    }

    async fn standby_lost(&self) -> anyhow::Result<Row> {
        self.world.stand_ins.begin(&[])?;
        self.world.way_home("stocker-pro is in us-east-1; after is next").await?;
        let id = self.world.failback().await?;
        self.world.succeeded(&id).await?;
        self.world.replicates("stocker-pro-replica", "stocker-pro-primary").await?;
        self.world.way_home("stocker-pro is at home in us-east-1: nothing is to be done").await?;
        self.world.row("standby-lost", &id, "sandbox's RDS").await
    }
}
