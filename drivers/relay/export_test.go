package relay

// Command is what goes over the line.
var Command = command

// Inputs is inputs.
var Inputs = inputs
