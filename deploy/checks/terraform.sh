# Terraform: format, syntax, the page, and the part that needs no provider by Terraform itself. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

module() { "$python" "$here/checks/hcl.py" --directory "$1/terraform" --template "$1/ecs/agent.template.yaml"; }
ok "Terraform parses, and agrees with its page and the template" module "$here"
copy="$(broken variable terraform/variables.tf 'variable "tags"' 'variable "labels"')"
finds "a variable that the page does not have" labels module "$copy"
copy="$(broken default terraform/variables.tf 'default     = 90' 'default     = 30')"
finds "a default that the page tells otherwise" log_retention_days module "$copy"
copy="$(broken parameter terraform/main.tf 'LogRetentionDays =' 'LogRetention     =')"
finds "a parameter that the template does not take" LogRetention module "$copy"
copy="$(broken syntax terraform/outputs.tf 'output "cluster_arn" {' 'output "cluster_arn" {{')"
finds "what is no HCL" outputs.tf module "$copy"

if missing terraform; then
  skip "terraform fmt, validate and test" "terraform is not installed"
else
  # Neither a file of the user's nor the checkout is touched.
  : >"$work/terraform.rc"
  export TF_CLI_CONFIG_FILE="$work/terraform.rc" CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
  formatted() { terraform fmt -check -diff -recursive "$1/terraform"; }
  ok "Terraform's format" formatted "$here"
  copy="$(broken format terraform/main.tf '  name        = var.name' '  name = var.name')"
  finds "an equals sign out of line" main.tf formatted "$copy"

  agent_file() {
    local copy="$work/agent-file-$RANDOM"
    cp -r "$1/terraform/modules/agent-file" "$copy" && cd "$copy" || return 1
    terraform init -backend=false -input=false -no-color >/dev/null && terraform validate -no-color && terraform test -no-color || return 1
    # A plan without a provider is whole: its output is the file, and the binary takes it.
    terraform apply -auto-approve -input=false -no-color -var name=us-west-2 \
      -var 'agents={us-east-1="us-east-1",us-west-2="us-west-2",eu-west-1="eu-west-1"}' >/dev/null || return 1
    terraform output -raw text >agent.yaml && "$binary" check agent.yaml
  }
  in_subshell() { ("$@"); }
  ok "the agent's file: validate, test, and the binary takes it" in_subshell agent_file "$here"
  copy="$(broken rule terraform/modules/agent-file/variables.tf "length(var.agents) % 2 == 1" "length(var.agents) > 0")"
  finds "a rule that is gone" an_even_number_is_refused in_subshell agent_file "$copy"
  skip "the module by its provider" "terraform validate would fetch the AWS provider from Terraform's own registry"
fi
