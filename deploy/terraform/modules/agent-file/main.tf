# One agent's own file as text, from what is known of all agents. It needs no provider, so `terraform validate` and
# `terraform test` run without a network, and whoever has the agents elsewhere than on ECS can use it alone.

terraform {
  required_version = ">= 1.9"
}

locals {
  members = {
    for name, region in var.agents : name => {
      region  = region
      address = "${name}.${var.peer_domain}:7951"
    }
  }

  file = merge(
    {
      cluster             = var.cluster
      name                = var.name
      region              = var.agents[var.name]
      data_dir            = "/var/lib/quorate"
      listen              = "127.0.0.1:7950"
      peer_listen         = "0.0.0.0:7951"
      members             = local.members
      timing              = var.timing
      tls                 = { ca = "ca.pem", certificate = "agent.pem", key = "agent.key" }
      operator_token_file = "operator.token"
      log                 = { format = "json", level = "info" }
    },
    var.extra,
  )
}
