# Each target is one line: what it does is in cargo, xtask or kustomize.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/mlops-steps/target

.PHONY: help setup test check fmt generate bless demo demo-down images cluster cluster-down e2e e2e-events bench
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## Install what the demo and the component tests stand on
	cargo xtask setup

test: setup ## Run every test: units, vectors, goldens, contracts, layering, components
	cargo test --release --workspace --no-fail-fast

check: ## Formatting, lints, and whether the generated files follow from the contracts
	cargo fmt --all --check && cargo clippy --release --workspace --all-targets -- -D warnings && cargo xtask generate --check

bless: ## Write the golden reports anew; look at the difference before you commit it
	BLESS=1 cargo test --release --workspace --test golden --test report

fmt: ## Format the Rust code
	cargo fmt --all

generate: ## Write templates, RBAC, reference pages and schemas from the contracts
	cargo xtask generate

demo: ## Run the whole pipeline on real data with real services (DEMO_DIR for its folder, default out/demo)
	cargo xtask demo

demo-down: ## Stop everything that a demo left running
	cargo xtask demo-down

images: ## Build the image of every step, with its SBOM (IMAGE_PREFIX, IMAGE_TAG, IMAGE_BASE)
	cargo xtask images

cluster: ## Bring up Kubernetes, Argo Workflows, S3, MLflow and Prometheus on this machine
	cargo xtask cluster

cluster-down: ## Take the cluster down, and all that it left
	cargo xtask cluster-down

e2e: ## Run the pipelines on the cluster (KUBECONFIG and IMAGE_PREFIX for one of your own)
	cargo xtask e2e

e2e-events: ## Bring up Argo Events on the cluster too, and run what comes through it
	cargo xtask e2e --events

bench: ## Time the steps beside the tools that people use instead
	cargo xtask bench
