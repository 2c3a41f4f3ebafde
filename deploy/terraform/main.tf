# One region's agent on ECS. What is made is the CloudFormation template beside this module, which the project's own checks
# deploy and look at; Terraform gives it its parameters, the agent's file and the IAM policy. So there is one definition of
# what runs, and not two of which one is tested.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40, < 7"
    }
  }
}

module "agent_file" {
  source = "./modules/agent-file"

  name        = var.name
  agents      = var.agents
  cluster     = var.cluster
  peer_domain = var.peer_domain
  timing      = var.timing
  extra       = var.extra
}

resource "aws_iam_policy" "agent" {
  name_prefix = "${var.cluster}-${var.name}-"
  description = "What the Quorate agent ${var.name} may do"
  policy      = var.task_policy_json
  tags        = var.tags
}

resource "aws_cloudformation_stack" "agent" {
  name          = "${var.cluster}-agent"
  template_body = file("${path.module}/../ecs/agent.template.yaml")
  capabilities  = ["CAPABILITY_IAM"]
  tags          = var.tags

  parameters = {
    ClusterName      = var.cluster
    PeerDomain       = var.peer_domain
    PeerZone         = var.peer_zone_id
    Vpc              = var.vpc_id
    SubnetA          = var.subnet_ids[0]
    SubnetB          = var.subnet_ids[1]
    PeerCidr1        = var.peer_cidrs[0]
    PeerCidr2        = var.peer_cidrs[1]
    Image            = var.image
    Architecture     = var.architecture
    Cpu              = tostring(var.cpu)
    Memory           = tostring(var.memory_mib)
    EnableExec       = tostring(var.enable_exec)
    LogRetentionDays = tostring(var.log_retention_days)
    Secret           = var.secret_arn
    TaskPolicy       = aws_iam_policy.agent.arn
    AgentYaml        = module.agent_file.text
  }
}
