variable "name" {
  description = "The agent's name; one of `agents`."
  type        = string

  validation {
    condition     = contains(keys(var.agents), var.name)
    error_message = "The agent must be one of `agents`: who is not a member has no vote."
  }
}

variable "agents" {
  description = "Each agent's region, by the agent's name; the same map in every region."
  type        = map(string)

  validation {
    condition     = length(var.agents) >= 3 && length(distinct(values(var.agents))) >= 3
    error_message = "Name at least three agents in three regions: fewer cannot tell a dead region from a lost one."
  }

  validation {
    condition     = length(var.agents) % 2 == 1
    error_message = "Name an odd number of agents: an even one bears no more losses than the odd one below it."
  }
}

variable "cluster" {
  description = "The name of the cluster of agents; agents of another cluster are refused."
  type        = string
  default     = "quorate"
}

variable "peer_domain" {
  description = "The domain in which agents find each other: an agent is reached at its name in it, on port 7951."
  type        = string
  default     = "quorate.internal"
}

variable "timing" {
  description = "How patient elections are: `wan` for several regions, `lan` for one building."
  type        = string
  default     = "wan"

  validation {
    condition     = contains(["wan", "lan"], var.timing)
    error_message = "Write `wan` or `lan`."
  }
}

variable "extra" {
  description = "Further sections of the agent's file, such as `webhooks`, as the file has them (`quorate schema agent`)."
  type        = any
  default     = {}
}
