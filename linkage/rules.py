"""The reviewed rules of linkage: threshold, which pairs are compared, what parameters are trained on.

Fixed on FEBRL 1 and 2, fake_1000 and part of historical_50k (docs/linkage.md), before any other label was read.
A term of a rule is a field, or its first or last letters, as `surname:2` and `birth_date:-5` (month and day).
"""

THRESHOLD = 0.95  # a pair as probable as this is a link
SEED = 7
LEAST_RECORDS = 1_000  # with fewer the u given in `comparisons` hold
LEAST_STRICT_PAIRS = 100  # with fewer the m given there hold: there is too little to train on
SAMPLED_PAIRS = 3_000_000  # at random, for u
EM_STEPS = 50  # at most
EM_CHANGE = 0.0001  # of a parameter: less ends the steps
PAIRS_PER_RECORD = 100  # compared at most; rules are left out, the last first, where they would bring more
ROUNDS = 2  # of priors and u, first by records, then by people
# relatives in one household share surname, address and phone: their given names and birth dates are those of two people
RELATIVES_PER_RECORD = 0.02  # pairs, where there is too little to train on
LEAST_RELATIVES_PER_RECORD = 0.00003  # where the data say how many there are
# who moves has another street, house, postcode and city at once, which are no four signs of two people
MOVED = 0.02  # of pairs of one person, at least
NAMESAKES = 0.05  # of relatives have one given name, as father and son
SHARED_EMAIL = 0.1  # of relatives write from one address
# odds of namesakes in one household, at least, where neither birth date nor e-mail tells: below the threshold
UNPROVEN = 0.1

# whoever agrees on one of these is nearly always one person: they find that share of all that are
STRICT = (
    "given_name surname birth_date",
    "surname birth_date postcode",
    "given_name birth_date postcode",
    "email given_name",
    "phone given_name surname",
)
STRICT_RECALL = 0.8
# EM runs among pairs that agree on one of these, over the fields which the rule does not name
TRAINING = (
    "given_name birth_date",
    "surname birth_date",
    "birth_date postcode",
    "given_name surname postcode",
    "email",
    "phone given_name",
)
# what EM took for one person is not, where more of such pairs disagree on a name or the birth date: the stated m hold
MOST_UNLIKE = 0.33
STATED_SHARE = 0.01  # of each m, so that nothing is impossible
# pairs that agree on one of these are compared: the narrow first, the broad as far as there is room
BLOCKING = (
    "email",
    "phone",
    "mailbox",
    "given_root surname",
    "birth_date surname:2",
    "birth_date given_name:1",
    "birth_date city",
    "birth_date postcode",
    "postcode house",
    "postcode surname:2",
    "postcode given_name:1",
    "postcode birth_date:4",
    "street house",
    "street surname:2",
    "street given_name:1",
    "street city",
    "house city given_name:1",
    "house city surname:2",
    "given_root surname:3 city",
    "given_root surname:3 birth_date:4",
    "given_root surname:3 birth_date:-5",
    "given_name:3 surname birth_date:4",
    "given_name:3 surname birth_date:-5",
    "given_name:3 surname city",
    "birth_date",
    "postcode",
    "street",
    "surname city",
    "given_root city",
    "given_root birth_date:4",
    "surname birth_date:4",
    "surname birth_date:-5",
    "given_root surname:2",
    "surname given_name:1",
    "city birth_date:4",
    "surname",
    "city",
    "given_root",
)
# the same across two fields: a given name in the surname's place
CROSSED = (
    "l.given_name = r.surname and l.surname = r.given_name",
    "l.given_name = r.surname and l.birth_date = r.birth_date",
    "l.given_name = r.surname and l.postcode = r.postcode",
)
