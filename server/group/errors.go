package group

import "errors"

// What is answered to a request that is refused.
var (
	ErrInvalidGroupID         = errors.New("group id is invalid")
	ErrInvalidSessionTimeout  = errors.New("session timeout is not within the broker's limits")
	ErrInconsistentProtocol   = errors.New("group has no protocol in common with the member")
	ErrUnknownMember          = errors.New("group does not know the member")
	ErrMemberIDRequired       = errors.New("member must join with the id it is given")
	ErrFencedInstance         = errors.New("another member has taken the instance id")
	ErrIllegalGeneration      = errors.New("generation is not the group's")
	ErrRebalanceInProgress    = errors.New("group is rebalancing")
	ErrFull                   = errors.New("no more members or groups are taken")
	ErrNotFound               = errors.New("no such group")
	ErrNotEmpty               = errors.New("group has members")
	ErrSubscribed             = errors.New("group is subscribed to the topic")
	ErrNoTopic                = errors.New("topic of an offset is not there")
	ErrCommitTooLarge         = errors.New("more offsets are committed at once than fit one batch")
	ErrUnknownServer          = errors.New("group could not be written")
	ErrNotCoordinator         = errors.New("group is coordinated elsewhere")
	ErrLoading                = errors.New("groups are being loaded")
	ErrCoordinatorUnavailable = errors.New("coordinator is not available")
)
