# Static analysis of the pure modules by Frama-C: docs/proof.md. Only this needs Frama-C, which is large.
.PHONY: analyse prove analysis-deps analysis-objects

#: M=: the modules that make analyse goes through, or the proofs of make prove; without it all

# Without them the tests are skipped, with the reason.
analysis-deps:
	@tools/deps analysis || echo "tests/analysis is left out: it needs Frama-C"

analyse: analysis-deps ## show that no input of a guest makes the pure modules do what C leaves undefined
	@B=$(B) tests/analysis/analyse.t $(M)

prove: analysis-deps ## prove that the heart of the interrupt path does what its contracts say
	@B=$(B) tests/analysis/prove.t $(M)

# The compiler reads the harnesses too, with its warnings.
analysis-objects: $(patsubst %.c,$(B)/host/%.o,$(wildcard tests/analysis/*.c))
