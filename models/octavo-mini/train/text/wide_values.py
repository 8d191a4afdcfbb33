"""Many values for the training alone: what people tell of themselves, and plain words.

With a dozen foods a model learns the dozen, and writes the nearest one where
it meets another. With hundreds it has to copy. What the test holds out is left
out where these are drawn from (`names.py`, `vocabulary.py`).
"""

from __future__ import annotations

from .base import words

NAMES = words("""
    Aaron Abel Abigail Abraham Adam Adele Adrian Agatha Agnes Ahmed Aidan Alana Albert Alex Alexandra Alfred Ali Alicia
    Alina Alison Alma Alvin Amanda Amber Amelia Amina Amos Amy Anders Andre Andrea Andrew Angela Angus Anita Annika Anthony
    Anton Antonia April Archie Ariel Arjun Arnold Asha Ashley Astrid Aurora Austin Ava Axel Barbara Barry Beatrice Benedict
    Benjamin Bernard Bertha Beth Bill Bjorn Blake Bob Bonnie Brad Brandon Brenda Brian Bridget Bruce Bryan Caleb Calvin
    Cameron Camilla Carmen Caroline Carter Casey Cassandra Catherine Cecilia Cedric Celine Charles Charlotte Chloe Chris
    Christina Claire Clarence Claude Clifford Clive Colin Connie Connor Conrad Craig Crystal Curtis Cynthia Daisy Dale
    Damian Dan Daphne Darius Darren Dave Dawn Dean Deborah Deepak Delia Denis Derek Desmond Dexter Dirk Dominic Don Donald
    Donna Doris Dorothy Doug Duncan Dylan Earl Ed Eddie Edith Edmund Edward Edwin Eileen Elaine Eleanor Eli Elias Elijah
    Elise Eliza Elizabeth Ellen Elliot Elsa Elvira Emily Enrico Enzo Erika Erin Ernest Eva Evan Eve Evelyn Ezra Fabian Faith
    Farid Fay Felicity Ferdinand Fernando Fidel Filip Florence Floyd Frances Francis Fred Freda Frederick Frieda Fritz
    Gareth Garry Gavin Gene Geoffrey George Gerald Gerda Gilbert Giles Giovanni Gisela Glen Gloria Gordon Graham Grant Greg
    Gregory Gretchen Guido Gunnar Gustav Gwen Hakim Hal Hank Harald Harold Harriet Harry Harvey Hassan Hazel Heather Hector
    Heidi Helga Herbert Herman Hilda Hope Howard Hubert Hussein Ibrahim Ida Ilse Imogen Imran Inga Ingrid Irene Irma Isabel
    Ismail Ivy Jacob Jade Jake James Jamie Janet Janice Jason Jasper Javier Jay Jean Jeff Jenna Jennifer Jeremy Jerome
    Jessica Jill Jim Joanna Joel Johan John Jordan Jose Joseph Joshua Joy Joyce Juan Judith Judy Julian June Justin Kamal
    Karen Karim Kasper Katarina Keith Kelly Kenneth Kerstin Kim Kirsten Klaus Kurt Kyle Lance Lara Lars Lauren Lawrence Lea
    Leah Lee Leila Leonard Leroy Leslie Lewis Liam Lillian Lionel Lisa Livia Liz Logan Lois Lola Lorenzo Loretta Lou Louis
    Louise Lucia Lucy Ludwig Luis Luke Lydia Lynn Mabel Maggie Malcolm Mandy Manuel Marcel Margaret Marie Marina Mario
    Marion Mark Marlene Marsha Martha Martina Marvin Mason Mateo Matilda Matt Maureen Maurice Maya Meera Megan Melanie
    Melissa Mercedes Michael Michelle Miguel Mike Mildred Miles Mina Miranda Miriam Mitchell Mohamed Moira Molly Mona Monica
    Morgan Moritz Moses Muriel Myra Nancy Naomi Ned Neil Nellie Nelson Neville Nigel Niko Nils Noel Norbert Norma Norman
    Odette Olaf Olga Omer Orlando Oswald Otis Owen Pablo Paige Pamela Patricia Patrick Patsy Paula Pauline Pearl Pedro
    Penelope Penny Percy Perry Phil Philip Phoebe Phyllis Piers Polly Prudence Rachid Rafael Ralph Ramon Randy Raoul Rashid
    Raymond Rebecca Regina Reinhold Rhoda Ricardo Richard Rita Rob Robert Roberta Rodney Roger Roland Rolf Roman Ron Ronald
    Rory Rosemary Ross Roy Rudolf Rufus Rupert Russell Ruby Ryan Sabina Sadie Sally Salma Samantha Samuel Sandra Sanjay
    Saskia Saul Scott Sean Sebastian Selma Serena Seth Shane Sharon Sheila Shirley Sidney Sigrid Silas Silvia Sonia Sophie
    Spencer Stan Stanley Stefan Stephanie Steve Stuart Sue Susan Svetlana Sven Sybil Tabitha Tamara Tanya Tara Tatiana Ted
    Terence Teresa Terry Tessa Thea Thelma Thor Tiffany Tobias Todd Tony Tracy Trevor Trudy Tyler Ulrich Ulrike Valentina
    Vanessa Vernon Veronica Vicky Viktor Vincent Viola Virginia Vivian Vladimir Wallace Wanda Warren Wayne Wilbur Wilfred
    Wilhelm William Willow Winston Wolfgang Yasmin Yolanda Yusuf Yves Yvonne Zach Zelda Zeno Zita Zohra
""")
CITIES = words("""
    Aberdeen Accra Adelaide Agra Albany Algiers Amman Ankara Antwerp Arles Atlanta Austin Avignon Baghdad Baku Baltimore
    Bamako Bangkok Barcelona Bari Bath Beirut Belfast Belgrade Bern Bilbao Birmingham Bogota Bologna Bombay
    Bonn Bordeaux Brasilia Bratislava Bremen Bridgetown Brighton Bristol Brno Bruges Brussels Bucharest Budapest Buffalo
    Calais Calcutta Cambridge Canberra Cancun Canterbury Caracas Carlisle Casablanca Catania Charleston Chester Chennai
    Cologne Colombo Copenhagen Cordoba Cork Cologne Coventry Cracow Dakar Dallas Damascus Darwin Denver Derby Detroit Dhaka
    Dijon Doha Dortmund Dover Dresden Dubai Dubrovnik Dundee Durban Durham Edinburgh Eindhoven Essen Exeter Fargo Florence
    Frankfurt Freetown Fresno Galway Gdansk Genoa Georgetown Glasgow Gothenburg Granada Graz Grenoble Guadalajara Guernica
    Halifax Hamilton Hanoi Hanover Harare Hartford Havana Helsinki Hobart Houston Hull Innsbruck Inverness Ipswich Jakarta
    Jena Jerusalem Johannesburg Kabul Kampala Kansas Karachi Kassel Kathmandu Khartoum Kiel Kiev Kingston Kinshasa Kobe
    Krakow Lagos Lahore Lancaster Las_Vegas Lausanne Leicester Leipzig Leiden Lille Limerick Lincoln Linz Liverpool Lodz
    Lucerne Luxembourg Lyon Madras Mainz Malaga Malmo Managua Manchester Manila Mannheim Marrakesh Marseille Mecca Medina
    Melbourne Memphis Metz Mexico_City Miami Minneapolis Minsk Mombasa Monaco Montreal Moscow Mumbai Munich Murcia Muscat
    Nagoya Nancy Nantes Nashville Newcastle New_York Nice Norwich Nottingham Nuremberg Odense Odessa Omaha Orlando Orleans
    Osaka Ottawa Oxford Padua Palermo Panama Parma Perth Perugia Philadelphia Phoenix Pisa Plymouth Portland Poznan Preston
    Pretoria Quebec Rabat Ravenna Reading Reims Rennes Reykjavik Richmond Rio Rostock Rotterdam Rouen Salzburg San_Diego
    San_Jose Santiago Sapporo Sarajevo Seattle Seoul Shanghai Sheffield Siena Singapore Skopje Sofia Southampton Split
    Stockholm Strasbourg Stuttgart Suez Swansea Syracuse Taipei Tallinn Tampa Tangier Tbilisi Tehran The_Hague Thessaloniki
    Tirana Toledo Toulouse Trier Trieste Tripoli Trondheim Troy Tucson Tunis Uppsala Valencia Valletta Vancouver Verona
    Vilnius Warwick Washington Weimar Wellington Winchester Windsor Worcester Wuppertal York Zagreb Zaragoza
""")
COLOURS = words("""
    amber aqua azure beige bronze burgundy charcoal copper coral cream crimson cyan dark_blue dark_green emerald fuchsia
    hazel indigo ivory jade khaki lavender light_blue light_green lilac lime magenta maroon mauve mint mustard navy ochre
    olive peach plum rose ruby rust salmon sand sapphire scarlet sepia sky_blue tan teal ultramarine umber vermilion wine
""")
FOODS = words("""
    almonds apricots artichokes asparagus avocado bacon bagels bananas barley basil beans beef beetroot berries biscuits
    blackberries blueberries broccoli brownies buns burgers burritos butter cabbage cauliflower celery cereal cherries
    chestnuts chicken chickpeas chilli chips chutney cinnamon_rolls coconut coleslaw cookies corn couscous crab crackers
    cranberries crepes croissants crumble cucumber cupcakes custard dates donuts doughnuts duck eggs fennel figs flapjacks
    fondue fries fruit fudge garlic gnocchi goulash granola grapefruit grapes gravy gumbo haddock ham hazelnuts herring
    honey hot_dogs houmous jam jelly juice kale kebab kiwi lamb lasagne leeks lemonade lentils lettuce liquorice lobster
    macaroni mackerel mango maple_syrup marmalade marzipan mash meatballs melon meringue milk mince mints mousse muesli
    muffins mushrooms mussels nachos nectarines nougat nuts oatmeal octopus olives omelette onions oranges oysters paella
    paprika parsley parsnips pastries peaches peanuts pears peas peppers pesto pickles pie pineapple pistachios plums
    polenta popcorn pork porridge prawns pretzels prunes pudding pumpkin quiche quinoa radishes raisins ramen raspberries
    ravioli rhubarb risotto roast_beef salami salmon salsa samosas sandwiches sardines sausages scones shrimp spaghetti
    spinach sprouts squash squid steak stew stuffing sweets tacos tapas tart toast tofu tortillas trout truffles tuna turkey
    turnips vanilla_ice vegetables venison waffles walnuts watermelon yams yoghurt zucchini
""")
JOBS = words("""
    banker barber barista beekeeper biologist blacksmith bookseller brewer bricklayer broker builder bus_driver
    butcher butler captain caretaker cashier chauffeur chef chemist clerk coach cobbler composer conductor
    consultant coroner courier dancer decorator designer detective diplomat diver drummer fashion_designer
    film_maker firefighter fisherman florist forester geologist glazier goldsmith grocer guard guitarist hairdresser
    historian hunter janitor jeweller jockey joiner journalist juggler lawyer lecturer lifeguard locksmith
    lumberjack magician manager mason mathematician mechanic midwife miller miner model monk mountain_guide musician
    navigator novelist nun painter_of_signs park_ranger philosopher photographer physicist pianist plumber poet
    police_officer politician porter postman potter priest printer producer professor psychologist publisher
    receptionist referee reporter researcher roofer saddler sculptor secretary shepherd shoemaker shop_assistant
    smith soldier solicitor spy statistician stonemason student stunt_man surgeon surveyor tailor tanner taxi_driver
    technician therapist toolmaker tour_guide trader train_driver trainer translator truck_driver tutor vet
    violinist waiter waitress watchmaker weaver web_designer welder window_cleaner zoologist
""")
PETS = words("""
    bee beetle budgie bunny camel chameleon chicken chinchilla cockatoo cow crab crow donkey dove duck ferret finch
    fox frog gecko gerbil goat goose guinea_pig hedgehog hen kitten lamb llama lobster macaw magpie mole newt
    peacock penguin pig pigeon pony puppy python quail raven rat rooster salamander sheep skunk sparrow spider
    squirrel swan tarantula toad tortoise tropical_fish wolf
""")
HOBBIES = words("""
    acting archery astronomy badminton baking ballet baseball basketball beekeeping billiards birdwatching blogging boating
    bowling boxing brewing calligraphy camping canoeing carving chatting cleaning collecting_coins collecting_stamps
    composing cricket crochet crosswords curling darts decorating dominoes embroidery exploring fencing filming flying_kites
    folk_dancing gaming genealogy geocaching golf gymnastics handball horse_riding hockey hunting ice_skating inventing
    jogging judo juggling karate kayaking kite_surfing lacrosse languages listening_to_music magic_tricks making_soap
    martial_arts meditation model_trains motor_racing mountain_biking needlework origami orienteering parachuting
    photography pilates playing_cards playing_the_drums playing_the_guitar playing_the_piano poetry pottery puzzles quilting
    racing rafting rapping restoring_cars riding robotics rock_music roller_skating rowing rugby sailing scouting
    scrapbooking sculpting shopping sketching skateboarding skating skiing sledging snooker snorkelling snowboarding
    squash star_gazing stretching surfing table_tennis tango theatre trampolining travelling trekking volleyball
    volunteering walking watching_birds watching_films water_polo weaving weightlifting whittling wine_tasting woodwork
    wrestling writing_letters writing_poems yoga
""")
VERBS = words("""
    accept adjust advance advise aim align allow amend analyse answer apply appoint approve arrest assemble assess assign
    assist assure audit avoid award bake balance ban bend bind bless blow boil borrow bounce bow brush bump bury button
    calculate calm cancel_all capture care cast cause chain change chase cheer chew chop circle claim clap clear click
    climb clip coach coat code collapse colour combine comfort command complete compose conceal conduct confirm connect
    consider contain continue control convince correct cover crack crash create cross crush cure dance deal declare
    decorate defend define delay demand deny depend design destroy detect develop dig discover discuss display divide
    double drag drain dress drill drive drop dump earn elect embrace employ end enjoy enter entertain erase escape examine
    exchange excuse exercise expand expect explain explore extend face fade farm fasten feed fetch file film filter fire
    fit flash float flood flow fly force forgive found frame fry gather glue govern grab grade graft greet grind grip grow
    guard guess guide hammer hand handle harvest heal hire hit hold hook hunt hurry identify ignore improve include
    increase inform inject inspire instruct insure interview introduce invent invest iron itch jail jog judge juggle jump
    kick kiss knit knock land last laugh lead lean learn leave lend level lick lighten link load locate maintain manage
    march mark marry match mate measure_up melt mend mine miss mow multiply murmur nail name need nest note notify number
    obey observe obtain occupy offend offer operate oppose organise overflow owe own paddle parade pardon part paste pat
    pause peel perform permit phone pick pinch place please plug point poke pour practise praise pray predict prepare
    present preserve press pretend prevent prick produce program promise protect prove provide pump punch punish push_away
    question quit race raise rank reach realise rebuild recall receive recognise recycle reduce refuse regret reject relax
    release rely remind repair repeat reply report reproduce rescue retire return reverse rewind ring rinse risk rob rock
    rot row rub ruin rule rush sack sail satisfy save saw scare scatter scold scrape scratch scream screw scrub seal select
    sell serve settle shake shape shave shelter shield shine shoot shorten shout shrink shut signal sing sink sketch ski
    slap slice slip smash smell snatch soak solve spare spark spell spill spin split spoil spot spray spread squash squeeze
    stain stamp stare steal steer step stick stir stitch stretch strip stroke study stuff submit suggest supply support
    surprise surround suspect suspend swallow swap sweep swim swing tame tap taste tear tease telephone tempt thank thaw
    tickle tip toast touch tour tow trace train transform transport trap travel treat trim trip trust tug tumble tune twist
    type undo undress unfold unite unload unpack untidy upgrade use value vanish wander warn waste wave weaken weigh_down
    welcome whip whisper whistle win wind wipe wonder work worry wound wreck wrestle yell zip zoom
""")
THINGS = words("""
    abbey ability access accident ache acid acorn act action actor adapter addition advice aerial affair age agenda agency
    agreement aid air aircraft airport aisle alley alloy almond alphabet altar ambition ambulance anchor angel angle animal
    ankle antenna anthem anvil apartment appeal appetite applause appliance apron aquarium arch area arena argument arm army
    arrow art ash aspect atlas atom attack attempt attic audience aunt author avenue axe axle baby back background badger
    bakery balcony ballet balloon bamboo band bandage banjo bank bar bark barn barrel base basin bath bay beach bead beak
    beam beard beast beauty beaver beech beer beetle behaviour belief belly benefit berry bet bike bin birch birth birthday
    biscuit bishop bit bite blade blame blossom blouse blow boar board body boiler bomb bonnet boot booth bottom boulder
    boundary bouquet bowl boy bracelet brain brake brand brass breakfast breath breeze bride brief brigade brother
    bruise brush bubble buckle bud budget buffalo builder building bull bullet bunch bundle bunker burden bureau burger
    burner bush business butcher butter butterfly buyer cabin cabinet cable cactus cafe cage calf camel camp campaign canal
    cannon canoe canyon cape captain caravan carbon cargo carnival carpet carriage carton cartoon carving cashier
    cassette cast cathedral cattle cauldron cause ceiling celery cell cello cement centre century ceremony certificate chalk
    challenge chamber champion chance change chapel character charcoal charity charm chat cheek chemist chest chick chief
    child chimney chin chip choice choir chord cider cigar cinema citizen city claim clan clause claw cleaner clerk cliff
    climate clinic cloak clown clue cluster coal coast cobweb cock cocoa code coffin coil collar colleague collection
    college colony column comb comedy comet comfort command committee company compass complaint computer concert
    conclusion condition cone conference connection consent console contest contract control cooker copper copy coral cord
    core corn cost costume cottage couch council country county couple courage court cousin cow crab crack cradle craft
    crash crater creature credit creek crew crib cricket crime crisis critic crop cross crowd cruise crumb crust crystal
    cuckoo cucumber cuff culture cupboard currency current curry curtain cushion custom cycle cylinder dagger dairy dam damage
    danger darkness dash daughter dawn daylight deadline death debate debt decade decision defence degree delay delivery
    demand dentist department depth desert desire dessert detail device devil dew dial dialogue diamond dice dictionary diet
    dinosaur diploma direction dirt disc discount disease disguise ditch diver division dive dollar dolphin donkey doorbell
    dose dot doubt dough dove drain drama drawer drawing dream dresser drill driver drop drug duel duke dune dungeon duty
    dwarf dye eagle ear earring earth earthquake ease east echo economy eel effect effort elbow election elephant elevator elf
    elm embassy ember emblem emerald emotion empire employer enemy energy entrance entry envelope equipment error escape
    estate estimate evening evidence exchange excuse exercise exhibition exit expert explosion export expression extra eye
    eyebrow fable face factory failure fair fairy faith fall fame fan fang farm fashion fate father fault fax fear feast
    fee fellow female fern ferry festival fever fig fight figure filler fin finch fire_engine firm fist flame flannel
    flash flask flavour flea fleet flesh flock flood flour flow flu fluid foam focus fog foil folk food foot football
    force fork_lift formula fort fortress fortune fossil foundation fountain fraction fragment frame freedom freight fridge
    fright fringe front frost fruit fuel fun function fund funeral fungus funnel fur furnace furniture fuse future gadget
    galaxy gallery gallon gang gap garage garlic garment gas gear gem gene genius gesture ghost giant giraffe girl glacier
    glance gland glider globe gloom glory glue goat goblin goddess gold golf gong gorilla gossip government gown grace grade
    grandfather grandmother grape graph gravel grave gravity grease grid grill grip grocer groove ground group growth
    guard guess guitar gulf gull gum gun gutter guy gym
    habit hail half ham hammock hand handbag handle harbour hare harm harp harvest hatch haven hawk hay hazard head
    headache headline health heart hearth heat heaven hedge heel heir helicopter hell helmet help herb herd hero heron
    highway hill hinge hint hip hippo history hive hole holiday hollow homework honour hood hoof hope horizon horror hose
    hospital host hostel hound household human hunger hurdle hurricane hut hyena ice icicle icing idol illness impact import
    impulse inch income industry infant inn insect inspection instinct institute insult insurance interest interval
    introduction invention invitation iron ivory ivy jaguar jail jam jasmine jaw jazz jeep jelly jet jigsaw joint journey
    joy jug juice jump jungle jury justice kangaroo keeper kennel kernel keyboard kick kidney kingdom kiosk kiss kit kite
    knee knight knob knock knot laboratory lace lady lamb lance land landlord landscape lane language lap lard laser laugh
    laundry lavender law lawyer lead league leather lecture ledge leek leg legend lemonade length leopard lesson liberty
    librarian licence lid lie lifeboat lightning lily limb lime limp linen link lip liquid lizard llama load loaf lobby
    lobster lodge loft logic lorry loss lotion lounge luck luggage lullaby lump lunch lung luxury lyric machine magazine
    maid mammal manager mango manner mansion marble march margin mark marriage marsh mass master mat mate material meadow
    measure mechanic medal medicine melody melon member memory menace merchant mercy mess message metal meteor method
    midnight mile mineral minister minority mint miracle mission mist mixture moat mole moment monk monster month mood
    moose mop moral morsel mosque mosquito moss moth motion motor motto mould mound mouth movement muffin mug mule muscle
    mushroom mussel mustard mutton mystery myth nail nation nature neck nectar neighbour nephew nerve nest nickel niece
    nightmare noble nod noise noodle noon north nose nostril notebook novel nun nursery nut oak oar oasis oat object
    oboe obstacle occasion octopus offence offer officer ointment olive opening operation opinion orbit orchard orchestra
    orchid ore organ origin ostrich otter outfit outlet oval overcoat owner ox oxygen oyster pace pact paddle page pain
    pair palace palm pancake panda panic panther parachute parade paradise paragraph parent parish park parliament
    parsley part particle partner partridge passage passenger passport paste pasture patch patience patrol pause paw pay_day
    pea peace peach peacock peanut pear pebble pedal peel peg pelican penalty penguin penny pension people percent
    perfume peril period permit person pest petal petrol pheasant phrase physics pickle picnic picture piece pier pig
    pigeon pile pilgrim pillar pillow pilot pinch pine pineapple pint pirate pistol pitch pity pizza plague plain plank
    plastic plateau platform player pleasure plenty plough plug plum plumber pocket_knife poet poison polar pole police
    policy pollen polo pond pony pop poppy porch pork porridge porter portion portrait position possession postcard potter
    pouch pound power praise prayer prefix presence present president press pressure pride priest principle print prison
    problem process product profession profit progress project proof property prophet protein protest prune pub public
    pudding puddle pulley pulp pulse pumpkin punch pupil puppet purchase purpose purse pyramid quarrel quarter quay
    question quilt quota race radar radiator radio radish raft rage raid railing railway raisin rake ram ranch range rank
    rash rat rate ratio raven ray razor reaction reader reason rebel receiver reception record_player reed reef referee
    reflection refuge regiment regret relation relative relief religion remark remedy replacement reptile request rescue
    reserve resort respect response restaurant revenge reward rhino rhyme rhythm rib rice_bowl riddle ride ridge rifle ring
    riot risk ritual rival road_sign roar robber robe robin robot rod rodent roll romance root_vegetable roster rotor route
    routine row royal rubber rubbish ruby rudder ruin ruler rumour runner rush rust sack saddle safe safety saint salary
    salmon salon sample sanctuary sandal sandwich satchel satellite satin sauce saucer sausage saw scale scallop scandal scar
    scent science scissors scooter scope scorpion scout scrap scratch screw script scroll sculpture sea seal_skin season
    secret section sector security seminar senate sense sentence sequence serpent servant service session settlement
    shade shaft shame shampoo shape share shark shawl shed sheep shepherd sheriff shield shock shore shorts shoulder shovel
    shower shrimp shrine shrub siege sieve sigh silence silk sin singer sink siren site sketch ski skill_set skin skirt
    skull skunk slate slave sledge sleep sleeve slice slime sling slope slot slug smell smile snail snake snap sneeze snore
    society socket sofa software soil soldier solution somersault son soul source south spade spark sparrow spear species
    spectacle speech sphere spike spinach spiral spirit spite splash splinter sponge sport spot spray squad squash
    squid squirrel stable stadium staff stake stalk stall standard stem stereo steward sting stitch stocking stomach stool
    stork stranger straw strawberry stream strength stress stretcher strike stripe studio study sum_total sunset surface
    surgeon surname surprise swallow swamp swan sweater sweet swimmer sword syllable symbol symptom syrup table_cloth tablet
    tailor talent tambourine tango tap target tart taxi_rank tea_bag tear teddy telegram telephone telescope television
    temper temple tendency tennis tension terrace terrier territory terror theory thief thigh thistle thorn thought threat
    thrill throat thumb thunderbolt tide tie timber time_zone tin tip tissue titan toad toast toe toffee toilet toll tomb
    tongue toothbrush torch tornado tortoise total touch tourist towel township tractor tradition traffic tragedy trailer
    transport trap treasure_map treaty tribe trick trifle trio triumph trolley trombone troop trophy trouble trousers trout
    trumpet trunk trust truth tub tuba tulip tuna tune turban turkey turnip tutor tweed twig twin type typhoon tyre ulcer
    umbrella uniform union unit universe urge urn usage user_guide utensil vacuum vaccine valve vampire van vanilla variety
    vegetable vehicle veil vein velvet venue verb verdict verse vest veteran vicar victim victory vinegar vineyard virtue
    virus vision vitamin vocabulary volcano volume voucher vowel voyage vulture waist waiter walk wallpaper walnut
    walrus war wardrobe warehouse warrior wasp waste waterfall wax wealth weapon weasel weather web wedding weed week
    welfare well west whip whirlpool whisker whisper wick width wilderness willow window_sill windmill wine winner
    wisdom witch witness wizard woman wonder wool worker world_map worm_hole worship wrench wrist writer yacht yarn year yeast
    yoga yolk youth zeal zero zip zoo
""")
