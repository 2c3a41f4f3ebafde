output "text" {
  description = "The file, for /etc/quorate/agent.yaml."
  # `quorate check` knows what kind of file it has by its keys, which it wants as people write them: without quotes.
  value = replace(yamlencode(local.file), "/((?:^|\n)[ -]*)\"([A-Za-z0-9_-]+)\":/", "$1$2:")
}

output "address" {
  description = "As what the other agents reach this one, without the port."
  value       = "${var.name}.${var.peer_domain}"
}
