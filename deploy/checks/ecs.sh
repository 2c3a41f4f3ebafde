# CloudFormation: linted, and deployed into the emulator for three regions. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

moto="$(emulator_python)"
lint() { "$moto" "$(dirname "$moto")/cfn-lint" --regions us-east-1 us-west-2 eu-west-1 -- "$1"/ecs/*.yaml; }
ok "templates (cfn-lint)" lint "$here"
copy="$(broken property ecs/agent.template.yaml "      DesiredCount: 1" "      DesiredCounts: 1")"
finds "a property that does not exist" DesiredCounts lint "$copy"

# A volume of the task is root's unless the image names its path: then it is as the image has it, and the agent can write.
volumes() {
  local path
  while read -r _ path; do
    grep -q "^VOLUME .*\"$path\"" "$1/container/Dockerfile" || { echo "the image has no volume $path"; return 1; }
  done < <(grep -oE 'ContainerPath: [a-z/]+' "$1/ecs/agent.template.yaml")
}
ok "the image has the volumes that the task mounts" volumes "$here"
copy="$(broken volumes container/Dockerfile '"/tmp", ' '')"
finds "a volume that would be root's" "no volume /tmp" volumes "$copy"

stacks() {
  local templates="$1"; shift
  "$moto" "$here/checks/stacks.py" --endpoint "$emulator" --binary "$binary" --templates "$templates/ecs" "$@"
}
# An emulator of its own for each: names are taken once.
stacks_of() {
  start_emulator || { cat "$work/emulator"; return 1; }
  stacks "$@"
  local result=$?
  stop_emulator
  return "$result"
}
ok "three regions' stacks in the emulator" stacks_of "$here"
copy="$(broken copies ecs/agent.template.yaml "MaximumPercent: 100" "MaximumPercent: 200")"
finds "a deployment with two copies of one agent" "two copies" stacks_of "$copy" --regions us-east-1
copy="$(broken open ecs/agent.template.yaml "listen: 127.0.0.1:7950" "listen: 0.0.0.0:7950")"
finds "an agent whose API leaves the task" "agent's file is wrong" stacks_of "$copy" --regions us-east-1
