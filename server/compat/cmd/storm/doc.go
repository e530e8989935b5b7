// Command storm lets hundreds of members join and leave consumer groups at
// random, kills some, puts some to sleep, and then looks for a partition that
// was owned twice, for a commit that was lost and for records that a group was
// not given. It also measures how soon a large group is stable.
package main
