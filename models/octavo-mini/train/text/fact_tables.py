"""Tables of facts. A semicolon or a line break parts the entries."""

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August",
          "September", "October", "November", "December"]

CAPITALS = """
France: Paris; Spain: Madrid; Italy: Rome; Germany: Berlin; Austria: Vienna; Portugal: Lisbon
Greece: Athens; Poland: Warsaw; Hungary: Budapest; Sweden: Stockholm; Norway: Oslo; Finland: Helsinki
Denmark: Copenhagen; Ireland: Dublin; Belgium: Brussels; the Netherlands: Amsterdam; England: London
Scotland: Edinburgh; Wales: Cardiff; Switzerland: Bern; Iceland: Reykjavik; Russia: Moscow; Ukraine: Kyiv
Romania: Bucharest; Bulgaria: Sofia; Serbia: Belgrade; Croatia: Zagreb; the Czech Republic: Prague
Turkey: Ankara; Egypt: Cairo; Morocco: Rabat; Kenya: Nairobi; Nigeria: Abuja; Ghana: Accra; Ethiopia: Addis Ababa
Japan: Tokyo; China: Beijing; India: New Delhi; Thailand: Bangkok; Vietnam: Hanoi; South Korea: Seoul
Indonesia: Jakarta; the Philippines: Manila; Nepal: Kathmandu; Iran: Tehran; Iraq: Baghdad
Canada: Ottawa; the United States: Washington; Mexico: Mexico City; Cuba: Havana; Brazil: Brasilia
Argentina: Buenos Aires; Chile: Santiago; Peru: Lima; Colombia: Bogota; Venezuela: Caracas
Australia: Canberra; New Zealand: Wellington
"""

CONTINENTS = """
France: Europe; Spain: Europe; Italy: Europe; Germany: Europe; Poland: Europe; Sweden: Europe; Norway: Europe
Greece: Europe; Portugal: Europe; Ireland: Europe; Iceland: Europe; Egypt: Africa; Morocco: Africa; Kenya: Africa
Nigeria: Africa; Ghana: Africa; Ethiopia: Africa; Japan: Asia; China: Asia; India: Asia; Thailand: Asia
Vietnam: Asia; Nepal: Asia; Iran: Asia; Canada: North America; Mexico: North America; Cuba: North America
Brazil: South America; Argentina: South America; Chile: South America; Peru: South America
"""

COLOURS = """
banana: yellow; lemon: yellow; tomato: red; strawberry: red; cherry: red; carrot: orange; pumpkin: orange
frog: green; leaf: green; cucumber: green; lime: green; crow: black; raven: black; swan: white; snowman: white
polar bear: white; blueberry: blue; sapphire: blue; ruby: red; emerald: green; flamingo: pink; pig: pink
elephant: grey; mouse: grey; chestnut: brown; potato: brown; plum: purple; aubergine: purple; fire engine: red
coal: black; sunflower: yellow; canary: yellow
"""

OPPOSITES = """
hot: cold; cold: hot; big: small; small: big; up: down; down: up; left: right; right: left; fast: slow; slow: fast
day: night; night: day; happy: sad; sad: happy; old: young; young: old; open: closed; closed: open; high: low
low: high; light: dark; dark: light; full: empty; empty: full; hard: soft; soft: hard; wet: dry; dry: wet
rich: poor; poor: rich; strong: weak; weak: strong; long: short; loud: quiet; quiet: loud; early: late; late: early
clean: dirty; dirty: clean; near: far; far: near; true: false; false: true; yes: no; no: yes; begin: end
start: stop; push: pull; pull: push; win: lose; lose: win; buy: sell; sell: buy; love: hate; hate: love
brave: afraid; deep: shallow; heavy: light; thick: thin; thin: thick; wide: narrow; narrow: wide; sweet: sour
inside: outside; above: below; before: after; first: last; last: first; north: south; south: north; east: west
west: east; question: answer; friend: enemy; summer: winter; winter: summer; morning: evening; alive: dead
"""

PLURALS = """
mouse: mice; child: children; man: men; woman: women; foot: feet; tooth: teeth; goose: geese; ox: oxen
person: people; leaf: leaves; knife: knives; wolf: wolves; life: lives; wife: wives; shelf: shelves; half: halves
loaf: loaves; thief: thieves; sheep: sheep; fish: fish; deer: deer; city: cities; baby: babies; lady: ladies
story: stories; berry: berries; box: boxes; fox: foxes; bus: buses; glass: glasses; dish: dishes; church: churches
potato: potatoes; tomato: tomatoes; hero: heroes; cat: cats; dog: dogs; book: books; tree: trees; house: houses
"""

ANIMAL_SOUNDS = """
cat: meow; dog: woof; cow: moo; sheep: baa; pig: oink; duck: quack; horse: neigh; lion: roar; frog: ribbit
owl: hoot; bee: buzz; snake: hiss; mouse: squeak; crow: caw; wolf: howl; hen: cluck; donkey: hee-haw
goose: honk; bird: tweet; bear: growl
"""

ANIMAL_YOUNG = """
cat: a kitten; dog: a puppy; cow: a calf; sheep: a lamb; pig: a piglet; duck: a duckling; horse: a foal
lion: a cub; bear: a cub; frog: a tadpole; hen: a chick; goat: a kid; goose: a gosling; deer: a fawn
kangaroo: a joey; swan: a cygnet; elephant: a calf; owl: an owlet; eagle: an eaglet; whale: a calf
"""

ANIMAL_LEGS = """
dog: four; cat: four; horse: four; cow: four; pig: four; lion: four; mouse: four; frog: four; bird: two; duck: two
hen: two; owl: two; ant: six; bee: six; beetle: six; butterfly: six; spider: eight; scorpion: eight; crab: ten
snake: no; fish: no; worm: no
"""

ANIMAL_HOMES = """
bee: a hive; bird: a nest; fox: a den; rabbit: a burrow; spider: a web; horse: a stable; dog: a kennel
fish: the water; whale: the sea; camel: the desert; monkey: the trees; pig: a sty; lion: the savanna
polar bear: the Arctic; penguin: the Antarctic; ant: an anthill; mole: a tunnel; beaver: a lodge
"""

FOODS = """
cow: grass; rabbit: carrots; panda: bamboo; monkey: bananas; mouse: cheese; squirrel: nuts; lion: meat
spider: flies; owl: mice; horse: hay; koala: leaves; bear: honey; seal: fish; penguin: fish; frog: insects
cat: fish; dog: bones; bird: seeds; caterpillar: leaves
"""

MADE_OF = """
bread: flour; cheese: milk; wine: grapes; paper: wood; glass: sand; butter: milk; ice: water; snow: water
chocolate: cocoa; jam: fruit; steel: iron; leather: skin; a candle: wax; a tyre: rubber; a window: glass
a sweater: wool; a book: paper; a coin: metal; a table: wood; toast: bread; flour: grain; juice: fruit
"""

PLACES_OF_WORK = """
teacher: a school; doctor: a hospital; baker: a bakery; farmer: a farm; cook: a kitchen; nurse: a hospital
librarian: a library; sailor: a ship; pilot: a plane; judge: a court; miner: a mine; gardener: a garden
actor: a theatre; waiter: a restaurant; monk: a monastery; driver: a car; scientist: a laboratory; smith: a forge
"""

SCIENCE = """
What is water made of?|Which elements make water?|What are the parts of water?|Tell me what water is made of. => Water is made of hydrogen and oxygen.
At what temperature does water freeze?|When does water freeze?|What is the freezing point of water?|Tell me when water freezes. => Water freezes at zero degrees Celsius.
At what temperature does water boil?|When does water boil?|What is the boiling point of water?|Tell me when water boils. => Water boils at one hundred degrees Celsius.
How many planets are there?|How many planets go around the sun?|What is the number of planets?|How many planets are in the solar system? => There are eight planets.
Which planet do we live on?|What is our planet called?|On which planet do we live?|What is the name of our planet? => We live on the planet Earth.
Which planet is closest to the sun?|What planet is nearest to the sun?|What is the planet closest to the sun?|Name the planet closest to the sun. => Mercury is the planet closest to the sun.
What is the largest planet?|Which planet is the biggest?|What is the biggest planet?|Name the largest planet. => Jupiter is the largest planet.
Which planet is red?|What is the red planet?|Which planet is called the red planet?|Name the red planet. => Mars is the red planet.
Which planet has rings?|What planet is known for its rings?|What is the planet with rings?|Name the planet with rings. => Saturn is the planet with rings.
What is the sun?|What kind of thing is the sun?|Is the sun a star?|Tell me what the sun is. => The sun is a star.
Why is the sky blue?|What makes the sky blue?|How come the sky is blue?|Tell me why the sky is blue. => The sky is blue because air scatters blue light more than red light.
What goes around the earth?|What circles the earth?|Which body goes around the earth?|Name the thing that goes around the earth. => The moon goes around the earth.
How long does the earth take to go around the sun?|How long does the earth need for one trip around the sun?|How long is one trip of the earth around the sun?|In how many days does the earth go around the sun? => The earth goes around the sun in one year.
What do plants need to grow?|What does a plant need?|What do plants need?|Tell me what plants need. => Plants need light, water and air.
What gas do we breathe?|Which gas do people need to breathe?|What do we need from the air?|Which gas do we breathe in? => We breathe oxygen.
What pulls things to the ground?|Why do things fall down?|What makes things fall?|Why do apples fall? => Things fall because of gravity.
What is ice?|What is frozen water?|What is ice made from?|Tell me what ice is. => Ice is frozen water.
What is steam?|What does water become when it boils?|What does boiling water turn into?|Tell me what steam is. => Steam is water as a gas.
How many days are in a week?|How many days has a week?|How many days does a week have?|A week has how many days? => A week has seven days.
How many months are in a year?|How many months has a year?|How many months does a year have?|A year has how many months? => A year has twelve months.
How many days are in a year?|How many days has a year?|How many days does a year have?|A year has how many days? => A year has 365 days.
How many hours are in a day?|How many hours has a day?|How many hours does a day have?|A day has how many hours? => A day has 24 hours.
How many minutes are in an hour?|How many minutes has an hour?|How many minutes does an hour have?|An hour has how many minutes? => An hour has 60 minutes.
How many seconds are in a minute?|How many seconds has a minute?|How many seconds does a minute have?|A minute has how many seconds? => A minute has 60 seconds.
What are the four seasons?|What are the seasons?|Which seasons are there?|Name the four seasons. => The four seasons are spring, summer, autumn and winter.
What are the days of the week?|Which days does a week have?|List the days of the week.|Name the days of the week. => The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.
What colours are in a rainbow?|What are the colours of the rainbow?|List the colours of the rainbow.|Name the colours of the rainbow. => A rainbow is red, orange, yellow, green, blue, indigo and violet.
What colour do blue and yellow make?|What do you get when you mix blue and yellow?|Which colour is blue mixed with yellow?|Mix blue and yellow. What do I get? => Blue and yellow make green.
What colour do red and yellow make?|What do you get when you mix red and yellow?|Which colour is red mixed with yellow?|Mix red and yellow. What do I get? => Red and yellow make orange.
What colour do red and blue make?|What do you get when you mix red and blue?|Which colour is red mixed with blue?|Mix red and blue. What do I get? => Red and blue make purple.
What colour do red and white make?|What do you get when you mix red and white?|Which colour is red mixed with white?|Mix red and white. What do I get? => Red and white make pink.
What colour is the sky?|What color is the sky?|Which colour does the sky have?|Tell me the colour of the sky. => The sky is blue.
What colour is grass?|What color is grass?|Which colour does grass have?|Tell me the colour of grass. => Grass is green.
What colour is snow?|What color is snow?|Which colour does snow have?|Tell me the colour of snow. => Snow is white.
What colour is blood?|What color is blood?|Which colour does blood have?|Tell me the colour of blood. => Blood is red.
What colour is gold?|What color is gold?|Which colour does gold have?|Tell me the colour of gold. => Gold is yellow.
What is the largest animal?|Which animal is the biggest?|What is the biggest animal?|Name the largest animal. => The blue whale is the largest animal.
What is the tallest animal?|Which animal is the tallest?|Which animal has the longest neck?|Name the tallest animal. => The giraffe is the tallest animal.
What is the fastest land animal?|Which animal runs fastest?|Which animal is the fastest on land?|Name the fastest land animal. => The cheetah is the fastest land animal.
Which animal gives us milk?|What animal gives milk?|Where does milk come from?|From which animal do we get milk? => Milk comes from cows.
Where do eggs come from?|Which animal lays eggs for us?|Who lays eggs?|From which animal do we get eggs? => Eggs come from hens.
Who makes honey?|Where does honey come from?|Which animal makes honey?|From which animal do we get honey? => Honey comes from bees.
Where does wool come from?|Which animal gives us wool?|What animal gives wool?|From which animal do we get wool? => Wool comes from sheep.
Is a whale a fish?|Is the whale a fish?|Are whales fish?|Do you think a whale is a fish? => No. A whale is a mammal.
Is a spider an insect?|Is the spider an insect?|Are spiders insects?|Do you think a spider is an insect? => No. A spider is an arachnid.
Can penguins fly?|Do penguins fly?|Is a penguin able to fly?|Tell me, can a penguin fly? => No. Penguins cannot fly, but they swim well.
What is the king of the animals?|Which animal is the king of the jungle?|Who is the king of animals?|Name the king of the animals. => The lion is called the king of the animals.
What does a caterpillar become?|What does a caterpillar turn into?|What will a caterpillar be?|Tell me what a caterpillar becomes. => A caterpillar becomes a butterfly.
What does a tadpole become?|What does a tadpole turn into?|What will a tadpole be?|Tell me what a tadpole becomes. => A tadpole becomes a frog.
How many sides does a triangle have?|How many sides has a triangle?|How many corners does a triangle have?|A triangle has how many sides? => A triangle has three sides.
How many sides does a square have?|How many sides has a square?|How many corners does a square have?|A square has how many sides? => A square has four sides.
How many letters are in the alphabet?|How many letters has the alphabet?|How many letters does the alphabet have?|The alphabet has how many letters? => The English alphabet has 26 letters.
What is the first letter of the alphabet?|Which letter comes first in the alphabet?|What letter does the alphabet start with?|Name the first letter of the alphabet. => The first letter of the alphabet is A.
What is the last letter of the alphabet?|Which letter comes last in the alphabet?|What letter does the alphabet end with?|Name the last letter of the alphabet. => The last letter of the alphabet is Z.
How many fingers does a hand have?|How many fingers are on one hand?|How many fingers has a hand?|A hand has how many fingers? => A hand has five fingers.
What do we see with?|Which part of the body do we see with?|What do people use to see?|With what do we see? => We see with our eyes.
What do we hear with?|Which part of the body do we hear with?|What do people use to hear?|With what do we hear? => We hear with our ears.
What do we smell with?|Which part of the body do we smell with?|What do people use to smell?|With what do we smell? => We smell with our nose.
What pumps blood?|Which organ pumps blood?|What does the heart do?|Tell me what pumps blood. => The heart pumps blood.
How many wheels does a car have?|How many wheels has a car?|How many wheels are on a car?|A car has how many wheels? => A car has four wheels.
How many wheels does a bicycle have?|How many wheels has a bicycle?|How many wheels are on a bicycle?|A bicycle has how many wheels? => A bicycle has two wheels.
In which direction does the sun rise?|Where does the sun rise?|On which side does the sun rise?|Tell me where the sun rises. => The sun rises in the east.
In which direction does the sun set?|Where does the sun set?|On which side does the sun set?|Tell me where the sun sets. => The sun sets in the west.
What is a noun?|What does noun mean?|Explain what a noun is.|Tell me what a noun is. => A noun is a word for a person, a place or a thing.
What is a verb?|What does verb mean?|Explain what a verb is.|Tell me what a verb is. => A verb is a word for an action.
What is the coldest season?|Which season is cold?|Which season is the coldest?|Name the coldest season. => Winter is the coldest season.
What is the warmest season?|Which season is hot?|Which season is the warmest?|Name the warmest season. => Summer is the warmest season.
"""
