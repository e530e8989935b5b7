package wire_test

const canProbePeers = true
