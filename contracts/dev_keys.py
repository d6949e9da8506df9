"""What everybody knows of a development chain, here and elsewhere; it imports nothing, so that a start costs nothing.

The keys are public: their accounts must never hold anything.
"""

CHAIN_ID = 31337
MNEMONIC = "test test test test test test test test test test test junk"
# Accounts 1 and 2 of the mnemonic.
OPERATOR_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
SCORE_SIGNER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
