//! Strict moto, and the making of resources in it. The server itself is in `moto/server.rs`.

// The place is said because the tests that include this file would look for it beside their own.
#[path = "moto/server.rs"]
mod server;

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_sdk_ecs::types::LoadBalancer;
use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetTypeEnum};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::resources::{Balancer, Databases, GlobalDatabase, Place, Tasks, Zone, fresh};
use crate::world::{MOTO_TIMING, World};

pub(crate) const PRIMARY: &str = "us-east-1";
pub(crate) const STANDBY: &str = "us-west-2";
/// The scaling range of a new service; wider than any story's wishes.
const RANGE: (i32, i32) = (0, 20);
/// The running emulator.
pub(crate) struct Moto {
    url: &'static str,
}

impl Moto {
    pub(crate) fn running() -> Moto {
        Moto { url: server::url(&MOTO_TIMING) }
    }

    pub(crate) fn url(&self) -> &str {
        self.url
    }

    pub(crate) fn regions(&self) -> [&'static str; 2] {
        [PRIMARY, STANDBY]
    }

    pub(crate) async fn databases(&self, world: &World) -> Databases {
        let primary = Place { region: PRIMARY.into(), id: fresh("primary") };
        let replica = Place { region: STANDBY.into(), id: fresh("replica") };
        let made = world
            .rds(PRIMARY)
            .create_db_instance()
            .db_instance_identifier(&primary.id)
            .db_instance_class("db.r6g.large")
            .engine("postgres")
            .engine_version("16.4")
            .allocated_storage(100)
            .backup_retention_period(7)
            .master_username("shop")
            .master_user_password("not-a-secret")
            .send()
            .await
            .unwrap();
        let source = made.db_instance().unwrap().db_instance_arn().unwrap();
        available(world, &primary).await;
        let replicate = world.rds(STANDBY).create_db_instance_read_replica();
        let replicate = replicate.db_instance_identifier(&replica.id).source_db_instance_identifier(source);
        replicate.send().await.unwrap();
        available(world, &replica).await;
        Databases { primary, replica }
    }

    pub(crate) async fn tasks(&self, world: &World) -> Tasks {
        let (cluster, service) = (fresh("cluster"), fresh("web"));
        let vpcs = self.form("ec2", STANDBY, &[("Action", "DescribeVpcs"), ("Version", "2016-11-15")]).await;
        let group = world
            .balancing(STANDBY)
            .create_target_group()
            .name(fresh("web"))
            .protocol(ProtocolEnum::Http)
            .port(8080)
            .target_type(TargetTypeEnum::Ip)
            .vpc_id(between(&vpcs, "<vpcId>", "<"))
            .send()
            .await
            .unwrap();
        let balancer = LoadBalancer::builder()
            .target_group_arn(group.target_groups()[0].target_group_arn().unwrap())
            .container_name("web")
            .container_port(8080)
            .build();
        let ecs = world.ecs(STANDBY);
        ecs.create_cluster().cluster_name(&cluster).send().await.unwrap();
        let create = ecs.create_service().cluster(&cluster).service_name(&service).load_balancers(balancer);
        create.desired_count(0).send().await.unwrap();
        let range = world.scaling(STANDBY).register_scalable_target();
        range
            .service_namespace(aws_sdk_applicationautoscaling::types::ServiceNamespace::Ecs)
            .resource_id(format!("service/{cluster}/{service}"))
            .scalable_dimension(
                aws_sdk_applicationautoscaling::types::ScalableDimension::EcsServiceDesiredCount,
            )
            .min_capacity(RANGE.0)
            .max_capacity(RANGE.1)
            .send()
            .await
            .unwrap();
        Tasks { region: STANDBY.into(), cluster, service }
    }

    pub(crate) async fn zone(&self, world: &World) -> Zone {
        let name = format!("{}.test", fresh("shop"));
        let create = world.route53().create_hosted_zone().name(&name).caller_reference(&name);
        let made = create.send().await.unwrap();
        let id = made.hosted_zone().unwrap().id().rsplit('/').next().unwrap().to_owned();
        let balancer = |region: &str, zone: &str| Balancer {
            name: format!("web-1234567890.{region}.elb.amazonaws.com"),
            zone: zone.to_owned(),
        };
        let balancers = [balancer(PRIMARY, "Z35SXDOTRQ7X7K"), balancer(STANDBY, "Z1H1FL5HABSF5")];
        Zone { id, name, balancers }
    }

    pub(crate) async fn global_database(&self, world: &World) -> GlobalDatabase {
        let id = fresh("world");
        let engine = "aurora-postgresql";
        let create = world.rds(PRIMARY).create_global_cluster().global_cluster_identifier(&id).engine(engine);
        create.send().await.unwrap();
        for region in [PRIMARY, STANDBY] {
            let cluster = fresh("cluster");
            let rds = world.rds(region);
            let create = rds.create_db_cluster().db_cluster_identifier(&cluster).engine(engine);
            let create = create.master_username("shop").master_user_password("not-a-secret");
            create.global_cluster_identifier(&id).send().await.unwrap();
            // A cluster of moto's is `creating` until it was looked at once.
            let look = || async {
                let shown = rds.describe_db_clusters().db_cluster_identifier(&cluster).send().await.unwrap();
                shown.db_clusters()[0].status().unwrap().to_owned()
            };
            world.watch(look, |status| status == "available").await;
        }
        GlobalDatabase { id, standby: STANDBY.into() }
    }

    pub(crate) async fn security_group(&self, region: &str) -> String {
        let name = fresh("quarantine");
        let fields = [
            ("Action", "CreateSecurityGroup"),
            ("Version", "2016-11-15"),
            ("GroupName", &name),
            ("GroupDescription", "nobody"),
        ];
        between(&self.form("ec2", region, &fields).await, "<groupId>", "<").to_owned()
    }

    /// One call of a service whose SDK crate would be compiled for this alone. moto reads service and region from the
    /// signature's scope and does not check the signature.
    pub(crate) async fn form(&self, service: &str, region: &str, fields: &[(&str, &str)]) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/{region}/{service}/aws4_request");
        let request = Request::post("/")
            .header("host", address)
            .header("content-type", "application/x-www-form-urlencoded")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let reply = sender.send_request(request).await.unwrap();
        let status = reply.status();
        let text = String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().into()).unwrap();
        assert!(status.is_success(), "{service} in {region}: {status}: {text}");
        text
    }
}

/// moto takes metrics of AWS's own namespaces, which AWS does not: so the lag of a replica can be set.
pub(crate) async fn put_replica_lag(world: &World, replica: &Place, seconds: Option<f64>) {
    let Some(seconds) = seconds else { return };
    let instance = Dimension::builder().name("DBInstanceIdentifier").value(&replica.id).build();
    let datum = MetricDatum::builder().metric_name("ReplicaLag").dimensions(instance).value(seconds).build();
    let put = world.metrics(&replica.region).put_metric_data().namespace("AWS/RDS").metric_data(datum);
    put.send().await.unwrap();
}

async fn available(world: &World, place: &Place) {
    let rds = world.rds(&place.region);
    let look = || async {
        let shown = rds.describe_db_instances().db_instance_identifier(&place.id).send().await.unwrap();
        shown.db_instances()[0].db_instance_status().unwrap().to_owned()
    };
    world.watch(look, |status| status == "available").await;
}

/// What stands between two texts.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}
