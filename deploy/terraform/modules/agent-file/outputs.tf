output "text" {
  description = "The file, for /etc/quorate/agent.yaml."
  value       = jsonencode(local.file)
}

output "address" {
  description = "As what the other agents reach this one, without the port."
  value       = "${var.name}.${var.peer_domain}"
}
