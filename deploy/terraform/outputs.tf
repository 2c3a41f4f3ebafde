output "peer_address" {
  description = "As what the other agents reach this one."
  value       = aws_cloudformation_stack.agent.outputs["PeerAddress"]
}

output "task_role_arn" {
  description = "What resources' own policies and other accounts' roles name."
  value       = aws_cloudformation_stack.agent.outputs["TaskRoleArn"]
}

output "cluster_arn" {
  description = "For `aws ecs execute-command`."
  value       = aws_cloudformation_stack.agent.outputs["ClusterArn"]
}
