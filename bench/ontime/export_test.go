package ontime

// Late is late.
var Late = late
