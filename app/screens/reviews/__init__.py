"""Review queues of the operator: pricing, metering evidence, publication."""
