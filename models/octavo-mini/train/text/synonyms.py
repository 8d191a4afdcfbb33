"""Other words for verbs and things, for the training alone.

A request rarely uses the words of a tool's description. Each line gives a word
of a description and what people say instead; the words of one line mean the
same, so that no list offers two of them for one thing.
"""

from __future__ import annotations

from .base import lines

_VERBS = """
add: put in, include, throw in, insert, append
announce: make known, proclaim, declare, tell everybody about
archive: store away, put into the archive, file away
attach: fasten, fix on, pin on, stick on
block: bar, shut out, keep out
bring: fetch, carry over, come with
build: construct, put together, erect, assemble
burn: set fire to, torch
cancel: call off, drop, scrap, abandon
carry: haul, lug, bear
catch: grab, capture, get hold of
charge: load up, power up, fill up
check: inspect, examine, go over, take a look at, make sure of
choose: pick, select, go for, decide on, opt for
clean: wipe, scrub, wash, tidy, make spotless
close: shut, slam, seal
collect: gather, pick up, bring together
compare: hold side by side, tell apart, contrast
cook: prepare, make a meal of, fry
copy: duplicate, make another one of, clone, reproduce
count: tell the number of, say how many there are of, number
create: make, set up, produce, come up with, start a new
cut: chop, slice, trim
decode: decipher, crack, make sense of
delete: erase, wipe out, bin, trash, drop, scrap
deliver: hand over, bring round, drop off
describe: tell me about, say what is special about, depict
draw: sketch, make a picture of, doodle
dry: wipe dry, get the water out of, hang out
edit: revise, rework, make changes to
empty: clear out, pour out, drain
export: send abroad, write out, get out
fill: top up, stuff, load up
find: locate, track down, hunt for, spot, seek
fix: mend, put right, sort out, patch up
fold: crease, bend over, double up
follow: go after, keep up with, stay behind
freeze: put on ice, chill, make ice of
get: fetch, obtain, bring me, grab, give me
grow: raise, cultivate, make bigger
hang: put up, suspend, dangle
heat: warm up, make hot, raise the temperature of
hide: conceal, put out of sight, cover up
import: bring in, read in, load from abroad
install: put in, set up, fit
join: unite, connect, link up
label: put a name on, tag, mark
launch: kick off, get going, fire up
lend: loan, hand out for a while, let somebody borrow
lift: raise, pick up, hoist
limit: restrict, cap, keep small
list: enumerate, name all of, run through
load: put in, charge, fill, bring up
measure: gauge, take the size of, size up
merge: combine, blend, make one of
mix: stir, blend, shake together
move: shift, push over, take elsewhere, relocate
open: unlock, unseal, undo
order: ask for, send for, request
pack: wrap up, box, put into a case
park: leave, put in a space
plan: work out, think through, map out
plant: put into the soil, sow
polish: shine, buff, make glossy
post: put up, publish, make public
print: put on paper, get a paper copy of, run off
pull: drag, tug, draw
push: shove, press, nudge
read: go through, look through, study
record: tape, capture, make a recording of
remove: take away, take out, strip
repair: mend, patch up, put right, make whole again
replace: swap, change for a new one, renew
request: ask for, apply for, beg for
reset: set back, put back to the start, clear
restore: bring back, recover, get back
roll: spin, turn over
save: keep, store, put aside, hold on to
scan: go over, run an eye over, digitise
search: comb through, look through, hunt in
sell: get money for, put on the market, find a buyer for, flog
send: mail, dispatch, ship, forward
share: pass on, let others see, spread, hand round
sharpen: hone, whet, make keen
show: display, let me look at, bring up, reveal, present
sign: put my name on, autograph
sort: put in order, arrange, rank
split: divide, break up, tear apart
stack: pile up, heap
start: begin, kick off, set off, get going, switch on
stop: halt, end, quit, turn off, bring to a standstill
store: keep, put away, stash
sweep: brush, go over with a broom
switch: swap, flip, change over
teach: instruct, give lessons to, train
test: try out, put to the proof, probe, give a go
tie: bind, knot, lash
translate: put into other words, interpret
unlock: open up, free, release
update: bring up to date, refresh, renew, modernise
upload: put online, transfer to the cloud, push up
verify: confirm, prove, make certain of
visit: go and see, drop by, call on
warm: heat, take the chill off
wash: rinse, launder, get the dirt off
watch: keep an eye on, observe, look after, monitor
weigh: put on the scales, take the weight of
wrap: pack up, cover in paper, bundle
write: put down, compose, pen, draft
"""

_THINGS = """
account: profile, membership
album: collection of photos
article: text in the paper, piece in the press
bag: sack, pouch
battery: power pack, cell
bed: bunk, place to sleep
bicycle: bike, two-wheeler
boat: ship, vessel, dinghy
book: novel, volume
box: crate, case, carton
brush: broom
budget: spending plan, money plan
bulb: light, lamp
bus: coach
cake: gateau, pastry
camera: webcam
car: automobile, motor, vehicle
chair: seat, stool
client: customer, buyer
clock: timepiece
coat: jacket
computer: machine, laptop, PC
contract: agreement, deal
cup: mug
customer: client, buyer, shopper
desk: writing table
dinner: supper, evening meal
doctor: physician, medic
door: entrance, gate
dress: frock, gown
engine: motor
exam: test at school, written test
film: movie
fire: blaze, flames
flat: apartment
folder: directory
food: grub, something to eat
forest: woods
friend: mate, pal, buddy
fridge: icebox, refrigerator
garden: yard, flower beds
gift: present
glass: tumbler
goal: aim, target
guest: visitor
hat: cap
hole: gap, opening
holiday: vacation, time off
house: home, building
idea: thought, notion
image: picture, graphic
invoice: bill for the goods
jar: pot
job: post, position
journal: diary
lake: pond
lamp: light
lesson: class
letter: note by post, mail
line: row
machine: device, apparatus
magazine: periodical, glossy paper
mail: post, letters
map: chart, plan of the town
meal: lunch, dinner
meeting: get-together, conference, talk with the team
message: note, text
mistake: error, slip
money: cash, funds
music: songs, tunes
newspaper: paper, daily
note: memo, jotting
office: workplace, bureau
oven: stove, cooker
package: parcel
pain: ache
parcel: package
park: green space
party: celebration, do
password: secret word, login secret
path: way, track
pen: biro, ballpoint
phone: mobile, handset
photo: picture, snapshot
picture: photo, painting, snapshot
piece: bit, part
plane: aircraft, jet
plate: dish
playlist: list of songs
police: cops
price: cost
printer: printing machine
prize: award, trophy
project: undertaking, big piece of work
queue: waiting line
rain: shower, wet weather
record: entry
recipe: cooking instructions
report: write-up, summary of what happened
road: street, lane
robot: android, automaton
room: chamber
route: way, course
rubbish: litter, waste, trash
sample: specimen
sensor: detector
server: host, machine in the data centre
shirt: top, blouse
shoe: boot, sneaker
shop: store
sofa: couch
song: tune, track
stone: rock
story: tale
street: road
student: pupil, learner
task: chore, thing to do
taxi: cab
team: crew, squad, group
ticket: pass
town: city
train: railway service
tree: oak, birch
trip: journey, tour
trousers: pants, jeans
video: clip, recording
wallet: purse
wind: breeze
window: pane
winner: champion
worker: employee
"""


def _read(text: str) -> dict[str, list[str]]:
    pairs = (line.split(":", 1) for line in lines(text))
    return {word.strip(): [other.strip() for other in others.split(", ")] for word, others in pairs}


VERBS = _read(_VERBS)
THINGS = _read(_THINGS)


def same(one: str, other: str, table: dict[str, list[str]]) -> bool:
    """Say whether two words may mean the same."""
    return not {one, *table.get(one, ())}.isdisjoint({other, *table.get(other, ())})
