package atscale

// FilesOf is filesOf.
var FilesOf = filesOf

// SpreadFits is spreadFits.
var SpreadFits = spreadFits
