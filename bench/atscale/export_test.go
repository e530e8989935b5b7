package atscale

// FilesOf is filesOf.
var FilesOf = filesOf
