package atscale

// FilesOf is filesOf.
var FilesOf = filesOf

// DescriptorsMax is descriptorsMax.
var DescriptorsMax = descriptorsMax

// SpreadFits is spreadFits.
var SpreadFits = spreadFits
