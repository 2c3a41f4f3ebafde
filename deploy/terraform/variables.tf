variable "name" {
  description = "The agent's name, and the region in which it runs; one of `agents`."
  type        = string
}

variable "agents" {
  description = "Each agent's region, by the agent's name; the same map in every region. On ECS the two are equal."
  type        = map(string)

  validation {
    condition     = alltrue([for name, region in var.agents : name == region])
    error_message = "On ECS each agent has the name of its region: its address is made of it."
  }
}

variable "cluster" {
  description = "The name of the cluster of agents, equal in all regions."
  type        = string
  default     = "quorate"
}

variable "timing" {
  description = "How patient elections are: `wan` for several regions, `lan` for one building."
  type        = string
  default     = "wan"
}

variable "extra" {
  description = "Further sections of the agent's file, such as `webhooks`, as the file has them (`quorate schema agent`). No secrets."
  type        = any
  default     = {}
}

variable "peer_domain" {
  description = "The private zone's name, in which agents find each other."
  type        = string
  default     = "quorate.internal"
}

variable "peer_zone_id" {
  description = "The private zone's id; the zone is associated with the VPCs of all regions (`deploy/ecs/zone.template.yaml` makes one)."
  type        = string
}

variable "vpc_id" {
  description = "This region's VPC. The VPCs reach each other, by peering or a transit gateway."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets in two availability zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) == 2
    error_message = "Name two subnets in two availability zones: the data directory must be there in either."
  }
}

variable "peer_cidrs" {
  description = "The addresses of the two other regions' VPCs."
  type        = list(string)

  validation {
    condition     = length(var.peer_cidrs) == 2 && alltrue([for block in var.peer_cidrs : can(cidrnetmask(block))])
    error_message = "Name the two other regions' VPCs, as 10.1.0.0/16."
  }
}

variable "image" {
  description = "The image (`deploy/container`) from a registry of this very region, by digest or full version."
  type        = string

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[0-9]+\\.[0-9]+\\.[0-9]+)$", var.image))
    error_message = "Pin the image by digest or by full version: a tag that moves would make three agents of three versions."
  }
}

variable "architecture" {
  description = "What the image was built for: `X86_64` or `ARM64`."
  type        = string
  default     = "X86_64"
}

variable "cpu" {
  description = "Units of CPU; 256 is a quarter of a core."
  type        = number
  default     = 256
}

variable "memory_mib" {
  description = "Memory in MiB."
  type        = number
  default     = 512
}

variable "enable_exec" {
  description = "Whether `aws ecs execute-command` reaches the agent's command line; the root file system is read-only only without it."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How many days the agent's log is kept. The audit is in the data directory."
  type        = number
  default     = 90
}

variable "secret_arn" {
  description = "The ARN of this region's secret: a JSON object with `ca`, `certificate`, `key` and `operator_token`. Terraform never reads its value."
  type        = string
}

variable "task_policy_json" {
  description = "What the agent may do, as `quorate iam` prints it. Begin with `--scope observe`."
  type        = string

  validation {
    condition     = can(jsondecode(var.task_policy_json).Statement)
    error_message = "It must be an IAM policy as JSON, as `quorate iam` prints it."
  }
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
}
