package relay

// Command is what goes over the line.
var Command = command
