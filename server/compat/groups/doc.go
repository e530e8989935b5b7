// Package groups checks what the members of consumer groups lived through
// against what a broker promises them.
//
// Every member tells the history what it is told, at the moment at which it is
// told: all of them live in one process, so that one clock orders everything.
// Vocabulary:
//
//   - A tenant is one incarnation of a member, from its first JoinGroup to the
//     end of its process. A static member that comes back is another tenant.
//   - A spell is the time in which a tenant owns a partition. It begins when the
//     tenant has read the SyncGroup answer that assigns the partition. It ends
//     when the tenant begins to give it up (its revoked callback, before it asks
//     to join again or leaves), when it is told that it is fenced, or when its
//     instance id is asked for by another tenant.
//   - A tenant's cover is when the broker cannot have thought it dead: from the
//     sending of each request that the broker took until the session timeout has
//     passed, and while a JoinGroup was waited for. Whoever is killed without
//     leaving therefore owns what it owned until its session timeout after the
//     last request that was answered, and who sleeps longer than that owns
//     nothing meanwhile, whatever it believes.
//
// Two tenants of a group own a partition at the same time when their spells,
// each cut to its tenant's cover, overlap. There is no tolerance but
// SessionSlack: what ends one spell happens before what begins the next.
//
// Commits carry metadata that no other commit has. So what OffsetFetch answers
// names the commit that it came from. A partition's commits rise, because who
// owns it starts from what was committed.
package groups
