// Checks the Prometheus operator's resources among YAML documents of standard input against its own schemas, as the npm
// package @kubernetes-models/prometheus-operator has them. It finds wrong types, values and missing fields; those schemas let
// unknown fields pass, which the operator's own resource definitions would drop. Prints what is wrong; exit code 1 for that,
// and for documents among which there is none of the kinds it is here for.
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import * as operator from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const found = parseAllDocuments(readFileSync(0, "utf8"))
  .map((document) => document.toJS())
  .filter((resource) => resource?.apiVersion === "monitoring.coreos.com/v1");
const problems = found.flatMap((resource) => {
  const name = `${resource.kind} ${resource.metadata?.name}`;
  const Kind = operator[resource.kind];
  if (!Kind) return [`${name}: the operator has no such kind`];
  try {
    new Kind(resource).validate();
    return [];
  } catch (error) {
    return [`${name}: ${error.message}`];
  }
});
if (found.length === 0) problems.push("no resource of monitoring.coreos.com/v1 among them");
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
