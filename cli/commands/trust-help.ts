/** The long part of the help of `trust check`. */
export const CHECK_HELP = `
Names everything that is wrong, with line and column, and warns of what is legal and hardly meant. One wrong member makes
readers refuse the whole file and with it every image. Without a file it is ~/.config/containers/policy.json that counts, else
/etc/containers/policy.json. JSON: input, file, accepted, problems, warnings, registriesD.
Ends with 1 where readers refuse a file, 2 where one cannot be read.

Examples:
  countersign trust check /etc/containers/policy.json --registries-d /etc/containers/registries.d
  countersign trust check policies/*.json --output json
  ls policies/*.json | countersign trust check -`;

/** The long part of the help of `trust explain`. */
export const EXPLAIN_HELP = `
Says which scopes could count and which does, what its requirements demand, which URLs are asked, and for every platform
and every signature why it is accepted or not. Ends with 1 where one platform is refused.

Examples:
  countersign trust explain registry.prod.example.com/acme/shop/web:1.4.2 --environment prod
  countersign trust explain IMAGE --policy /etc/containers/policy.json --registries-d /etc/containers/registries.d`;

/** The long part of the help of `trust lookaside`. */
export const LOOKASIDE_HELP = `
Prints the URL of signature-1 of each manifest, platforms first, the index last; readers go on with 2, 3, … up to the first
that is not there. By tag the registry is asked for the digests; with a digest it is not. User and password of a URL are
left out. JSON: input, reference, base, from, key, manifests [{digest, platform, kind, url}].

Examples:
  countersign trust lookaside registry.prod.example.com/acme/shop/web:1.4.2 --environment prod
  countersign trust lookaside quay.example.com/acme/web@sha256:… --registries-d /etc/containers/registries.d
  countersign trust lookaside NAME --digest sha256:… --registries-d registries.d --write`;

/** The long part of the help of `trust evaluate`. */
export const EVALUATE_HELP = `
Says what a reader with this policy decides about one manifest: no registry is asked, and the image need not exist.
Ends with 1 where it is refused.
With "-" each line of standard input is one JSON object
  {"policy": F, "image": "…", "digest": "sha256:…" or "manifest": F, "signatures": [F, …] or "registriesD": "DIRECTORY",
   "time": "2026-11-21T08:00:00Z"}
where F is a file name, {"base64": "…"}, {"text": "…"} or {"json": …}; time is optional, and "id" is yours.
JSON: input, accepted, scope, requirements [{type, accepted, reason}], signatures [{number, accepted, reason,
fingerprint}], reason, store; or input and error {code, message}: a policy that readers refuse is configuration-invalid.

Examples:
  countersign trust evaluate quay.example.com/acme/web:1 --policy policy.json --manifest m.json --signature signature-1
  countersign trust evaluate - < cases.jsonl > verdicts.jsonl`;

/** The long part of the help of `trust generate`. */
export const GENERATE_HELP = `
From the configuration alone: policy.json rejects what is not signed for the environment, registries.d says where its
signatures are served, keys/ holds its public keys. It is the policy by which the environment's worker judges before it calls
a promotion released. registries.conf.d and certs.d come along where the registry has no TLS or a private authority.
The same configuration gives the same bytes. Copy the directory to --node-path and restart CRI-O, which reads policy.json
at every pull and the rest when it starts. --default accept is for the time in which not everything is signed yet.
JSON: environment, nodePath, files [{path, nodePath, bytes, sha256}], notes, directory, outcome (written, replaced,
unchanged); with --dry-run files have base64, and directory and outcome are not there.

Examples:
  countersign trust generate --environment prod --output-dir node
  countersign trust generate --environment prod --dry-run --accept localhost quay.io/openshift-release-dev/ocp-release`;
