#!/bin/sh
# The namespace and what operators search by, on any cluster: TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where.
set -eu

until temporal operator cluster health >/dev/null 2>&1; do sleep 1; done
temporal operator namespace describe >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 90d

# The same as temporal/search_attributes.py; a test compares them. One that exists is left as it is.
while read -r name type; do
  temporal operator search-attribute create --name "$name" --type "$type" </dev/null
done <<'EOT'
CaasTenant Keyword
CaasProvider Keyword
CaasStatus Keyword
CaasBucket Keyword
CaasRisk Keyword
CaasCurrency Keyword
CaasDaysPastDue Int
CaasNextDueAt Datetime
CaasBidsCloseAt Datetime
CaasNeedsAttention Bool
EOT
