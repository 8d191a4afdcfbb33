"""Tools, written as tables: name, description, parameters, and requests.

A line of a tool: `name | description | parameters | requests`. A parameter is
`name:pool`, with `?` behind it when it is optional; a request holds its
parameters in braces. The last requests of a tool are met only in the test.
"""

TOOLS = """
get_weather | Get the weather of a city | city:city | What is the weather in {city}? / How is the weather in {city}? / Is it raining in {city}? / Tell me the weather in {city}. / Weather for {city}, please. / Do I need an umbrella in {city}?
get_time | Get the current time in a city | city:city | What time is it in {city}? / Tell me the time in {city}. / How late is it in {city}? / What is the time in {city} now? / Current time in {city}? / I need the time in {city}.
add_numbers | Add two numbers | a:number b:number | Use a tool to add {a} and {b}. / What is {a} + {b}? / Add {a} and {b}. / How much is {a} plus {b}? / Sum {a} and {b}. / Calculate {a} + {b}.
multiply | Multiply two numbers | a:number b:number | What is {a} times {b}? / Multiply {a} by {b}. / How much is {a} times {b}? / Calculate {a} times {b}. / {a} times {b}? / Multiply {a} and {b}.
send_email | Send an email | to:person subject:topic | Send an email to {to} about {subject}. / Write an email to {to} about {subject}. / Email {to} about {subject}. / Please mail {to} about {subject}. / Mail {to} about {subject}. / Please send {to} an email about {subject}.
send_message | Send a text message to a person | recipient:person text:phrase | Tell {recipient} "{text}". / Send {recipient} the message "{text}". / Text {recipient} "{text}". / Write "{text}" to {recipient}. / Send "{text}" to {recipient}. / Please text "{text}" to {recipient}.
set_alarm | Set an alarm | time:time | Wake me up at {time}. / Set an alarm for {time}. / I have to get up at {time}. / Set the alarm to {time}. / Alarm at {time}, please. / Please set an alarm at {time}.
set_timer | Start a timer | minutes:small | Set a timer for {minutes} minutes. / Start a timer of {minutes} minutes. / Timer for {minutes} minutes, please. / Remind me in {minutes} minutes. / {minutes} minutes timer / Please start a timer for {minutes} minutes.
play_music | Play a song | song:title | Play {song}. / Play the song {song}. / I want to hear {song}. / Put on {song}. / Please play {song}. / Can you play {song}?
search_web | Search the web | query:topic | Search the web for {query}. / Look up {query}. / Find something about {query} on the web. / Google {query}. / Search for {query}. / Can you search for {query}?
translate | Translate a text into another language | text:phrase language:language | Translate "{text}" into {language}. / What is "{text}" in {language}? / How do you say "{text}" in {language}? / Say "{text}" in {language}. / Put "{text}" into {language}. / Please translate "{text}" to {language}.
book_flight | Book a flight | origin:city destination:city | Book a flight from {origin} to {destination}. / I want to fly from {origin} to {destination}. / Get me a flight from {origin} to {destination}. / Fly me from {origin} to {destination}. / A flight from {origin} to {destination}, please. / I need a flight from {origin} to {destination}.
book_table | Book a table in a restaurant | restaurant:title people:small | Book a table at {restaurant} for {people} people. / Reserve a table for {people} at {restaurant}. / A table for {people} at {restaurant}, please. / We are {people} people and want to eat at {restaurant}. / I need a table at {restaurant} for {people}. / Please reserve {people} seats at {restaurant}.
get_stock_price | Get the price of a stock | symbol:symbol | What is the price of {symbol}? / How is the stock {symbol}? / Stock price of {symbol}? / Tell me the price of {symbol} stock. / How much is one share of {symbol}? / Get the stock price of {symbol}.
convert_currency | Convert money into another currency | amount:number from:currency to:currency | Convert {amount} {from} to {to}. / How much is {amount} {from} in {to}? / Change {amount} {from} into {to}. / {amount} {from} in {to}? / What are {amount} {from} in {to}? / Please convert {amount} {from} into {to}.
create_note | Save a note | text:phrase | Note "{text}". / Save the note "{text}". / Write down "{text}". / Make a note: "{text}". / Take a note that says "{text}". / Please save "{text}" as a note.
add_to_list | Add an item to a list | item:thing list:listname | Add {item} to my {list} list. / Put {item} on the {list} list. / Put {item} on my {list} list. / Add {item} to the {list} list. / {item} should go on the {list} list. / Please put {item} on the {list} list.
turn_on_light | Turn on the light in a room | room:room | Turn on the light in the {room}. / Light on in the {room}, please. / It is dark in the {room}. / Switch on the light in the {room}. / Make it bright in the {room}. / Please turn the {room} light on.
set_temperature | Set the heating of a room | room:room degrees:small | Set the {room} to {degrees} degrees. / Heat the {room} to {degrees} degrees. / Make the {room} {degrees} degrees warm. / I want {degrees} degrees in the {room}. / {room} at {degrees} degrees, please. / Please set the {room} heating to {degrees} degrees.
get_news | Get the news about a topic | topic:topic | What is the news about {topic}? / News about {topic}, please. / Tell me the news about {topic}. / Is there anything new about {topic}? / Show me news about {topic}. / Read me the news about {topic}.
find_recipe | Find a recipe | dish:food | Find a recipe for {dish}. / How do I cook {dish}? / I want to cook {dish}. / Give me a recipe for {dish}. / Recipe for {dish}, please. / Look for a {dish} recipe.
order_food | Order food | dish:food quantity:small | Order {quantity} {dish}. / I want {quantity} {dish}. / Get me {quantity} {dish}, please. / Please bring {quantity} {dish}. / We would like {quantity} {dish}. / Can you order {quantity} {dish}?
get_user | Look up a user by the id | user_id:number | Who is user {user_id}? / Show user {user_id}. / Look up user {user_id}. / Get the user with the id {user_id}. / Find user {user_id}. / Tell me about user {user_id}.
create_event | Put an event into the calendar | title:title day:day | Put {title} into the calendar on {day}. / Add {title} to my calendar for {day}. / Create the event {title} on {day}. / On {day} I have {title}. / Plan {title} for {day}. / Schedule {title} for {day}.
call_person | Call a person on the phone | name:person | Call {name}. / Ring {name}, please. / I want to talk to {name} on the phone. / Phone {name}. / Please call {name}. / Give {name} a call.
open_app | Open an app | app:title | Open {app}. / Start {app}. / Open the app {app}. / Launch {app}. / Please open {app}. / Can you start {app}?
read_file | Read a file | path:path | Read {path}. / Show me the file {path}. / What is in {path}? / Open the file {path}. / Print {path}. / Show the contents of {path}.
delete_file | Delete a file | path:path | Delete {path}. / Remove the file {path}. / Delete the file {path}. / Throw away {path}. / Please remove {path}. / Get rid of {path}.
run_query | Run a query on a table of the database | table:thing limit:small | Show {limit} rows of the table {table}. / Get {limit} rows from {table}. / Query {table} for {limit} rows. / The first {limit} rows of {table}, please. / Select {limit} rows of {table}. / List {limit} rows of {table}.
get_distance | Get the distance between two cities | origin:city destination:city | How far is it from {origin} to {destination}? / Distance from {origin} to {destination}? / How many kilometres is it from {origin} to {destination}? / What is the distance from {origin} to {destination}? / Tell me how far {destination} is from {origin}. / How long is the way from {origin} to {destination}?
"""

TEST_TOOLS = """
get_population | Get how many people live in a city | city:city | How many people live in {city}? / What is the population of {city}? / How big is {city}?
find_hotel | Find a hotel in a city | city:city nights:small | Find a hotel in {city} for {nights} nights. / I need a hotel in {city} for {nights} nights. / Where can I sleep in {city} for {nights} nights?
buy_ticket | Buy a ticket for a film | film:title count:small | Buy {count} tickets for {film}. / I want {count} tickets for {film}. / Get {count} tickets for the film {film}.
lock_door | Lock the door of a room | room:room | Lock the door of the {room}. / Close and lock the {room}. / Please lock the {room} door.
get_definition | Get the meaning of a word | word:thing | What does {word} mean? / Define {word}. / What is the meaning of the word {word}?
pay_bill | Pay a bill to a person | name:person amount:number | Pay {amount} to {name}. / Send {name} {amount} euros for the bill. / I owe {name} {amount}, please pay it.
get_horoscope | Get the horoscope of a day | sign:thing day:day | What is my horoscope for {day}? I am a {sign}. / Horoscope of {sign} for {day}, please. / Tell me the {sign} horoscope for {day}.
subtract_numbers | Subtract a number from another one | a:number b:number | Subtract {b} from {a} with a tool. / What is {a} minus {b}? / Take {b} away from {a}.
track_parcel | Find out where a parcel is | parcel_id:number | Where is my parcel {parcel_id}? / Track parcel {parcel_id}. / Has parcel {parcel_id} arrived?
rename_file | Give a file a new name | path:path name:path | Rename {path} to {name}. / Call the file {path} {name} from now on. / Change the name of {path} to {name}.
water_plants | Water the plants in a room | room:room minutes:small | Water the plants in the {room} for {minutes} minutes. / The plants in the {room} need water for {minutes} minutes. / Give the {room} plants water for {minutes} minutes.
paint_wall | Paint a wall in a colour | room:room colour:colour | Paint the {room} {colour}. / Make the wall in the {room} {colour}. / I want a {colour} wall in the {room}.
"""

# More tools for the training alone, so that parameters and ways to ask are many.
MORE_TOOLS = """
get_address | Get the address of a person | person:person | What is the address of {person}? / Where does {person} live? / Give me the address of {person}. / Address of {person}?
get_phone_number | Look up a phone number | name:person | What is the phone number of {name}? / I need the number of {name}. / Look up the phone number of {name}.
find_restaurant | Find a restaurant in a city | food:food city:city | Where can I eat {food} in {city}? / Find a restaurant with {food} in {city}. / I want to eat {food} in {city}.
get_train | Find the next train to a city | destination:city | When does the next train to {destination} leave? / I need a train to {destination}. / Next train to {destination}? / Find me a train to {destination}.
rent_car | Rent a car in a city | city:city days:small | Rent a car in {city} for {days} days. / I need a car in {city} for {days} days. / Get me a rental car for {days} days in {city}.
book_taxi | Order a taxi | address:title time:time | Send a taxi to {address} at {time}. / I need a taxi at {time} to {address}. / Order a taxi for {time} to {address}.
borrow_book | Borrow a book from the library | title:title | Borrow {title} from the library. / I want to read the book {title}. / Get me the book {title} from the library.
add_contact | Save a new contact | name:person phone:number | Save {name} with the phone number {phone}. / The phone number of {name} is {phone}, save it. / Add the contact {name}, number {phone}.
invite_guest | Invite a person to an event | guest:person event:title | Invite {guest} to {event}. / Ask {guest} to come to {event}. / {guest} should come to {event}, send an invitation.
mute_channel | Mute a channel | channel:thing minutes:small | Mute the channel {channel} for {minutes} minutes. / Be quiet in {channel} for {minutes} minutes. / No messages from {channel} for {minutes} minutes, please.
post_photo | Publish a photo | file:path caption:phrase | Post {file} with the caption "{caption}". / Publish the photo {file} and write "{caption}" below it. / Share {file} with the text "{caption}".
copy_file | Copy a file to another place | source:path target:path | Copy {source} to {target}. / Make a copy of {source} at {target}. / Duplicate {source} as {target}.
list_files | List the files of a folder | folder:thing | Which files are in {folder}? / List the folder {folder}. / Show what is in the folder {folder}.
create_folder | Make a new folder | name:thing | Make a folder called {name}. / Create the folder {name}. / I need a new folder {name}.
run_tests | Run the tests of a project | project:thing | Run the tests of {project}. / Test the project {project}. / Do the tests of {project} pass?
restart_service | Restart a service | service:thing | Restart {service}. / Stop and start {service} again. / The service {service} hangs, restart it.
scale_service | Set the number of copies of a service | service:thing replicas:small | Scale {service} to {replicas} replicas. / Run {replicas} copies of {service}. / I want {replicas} replicas of {service}.
get_logs | Read the last lines of a log | service:thing lines:small | Show the last {lines} lines of the log of {service}. / Logs of {service}, {lines} lines. / Give me {lines} log lines of {service}.
create_ticket | Open a ticket | summary:phrase priority:small | Open a ticket "{summary}" with priority {priority}. / File a bug: "{summary}", priority {priority}. / Make a ticket of priority {priority} for "{summary}".
close_ticket | Close a ticket | ticket_id:number | Close ticket {ticket_id}. / Ticket {ticket_id} is done. / Mark the ticket {ticket_id} as closed.
assign_task | Give a task to a person | task:phrase assignee:person | Give "{task}" to {assignee}. / {assignee} should do "{task}". / Assign the task "{task}" to {assignee}.
get_balance | Get the balance of an account | account:code | What is the balance of account {account}? / How much money is on {account}? / Balance of {account}, please.
transfer_money | Send money to a person | receiver:person amount:number currency:currency | Transfer {amount} {currency} to {receiver}. / Send {receiver} {amount} {currency}. / Wire {amount} {currency} to {receiver}.
get_order_status | Find out how an order is going | order_id:number | How is my order {order_id}? / What is the status of order {order_id}? / Is order {order_id} on its way?
cancel_order | Cancel an order | order_id:number reason:phrase | Cancel order {order_id}, because "{reason}". / I do not want order {order_id}, the reason is "{reason}". / Stop order {order_id}: "{reason}".
set_volume | Set the volume | level:small | Set the volume to {level}. / Turn the volume to {level}. / Make it {level} loud. / Volume {level}, please.
change_channel | Switch to a channel | channel:small | Switch to channel {channel}. / Put on channel {channel}. / I want to see channel {channel}.
open_window | Open the window of a room | room:room | Open the window in the {room}. / Let some air into the {room}. / It is hot in the {room}, open the window.
start_vacuum | Clean a room with the robot | room:room | Vacuum the {room}. / Clean the {room} with the robot. / The {room} is dirty.
set_colour | Set the colour of a lamp | lamp:thing colour:colour | Make the {lamp} lamp {colour}. / Set the lamp {lamp} to {colour}. / I want {colour} light from the {lamp} lamp.
feed_pet | Feed a pet | pet:thing grams:number | Feed the {pet} {grams} grams. / Give {grams} grams of food to the {pet}. / The {pet} is hungry, give it {grams} grams.
log_weight | Write down a weight | kilos:small date:date | I weighed {kilos} kilos on {date}. / Log {kilos} kilos for {date}. / Note that I had {kilos} kilos on {date}.
log_run | Write down a run | distance:small minutes:small | I ran {distance} kilometres in {minutes} minutes. / Log a run of {distance} kilometres in {minutes} minutes. / Save my run: {distance} kilometres, {minutes} minutes.
get_exchange_rate | Get the rate between two currencies | base:currency quote:currency | What is the rate from {base} to {quote}? / How many {quote} is one {base}? / Rate of {base} in {quote}?
get_holiday | Find out which holiday is on a date | date:date | Is {date} a holiday? / Which holiday is on {date}? / Tell me the holiday of {date}.
get_song_text | Get the text of a song | song:title artist:person | Give me the text of {song} by {artist}. / What are the words of {song} by {artist}? / Text of {song} by {artist}?
spell_check | Check the spelling of a text | text:phrase | Check the spelling of "{text}". / Is "{text}" spelled right? / Look for mistakes in "{text}".
detect_language | Find out the language of a text | text:phrase | Which language is "{text}"? / Tell me the language of "{text}". / In what language is "{text}" written?
divide | Divide a number by another one | a:number b:small | What is {a} divided by {b}? / Divide {a} by {b}. / How much is {a} by {b}?
square_root | Get the square root of a number | number:number | What is the square root of {number}? / Square root of {number}? / Take the root of {number}.
roll_dice | Roll dice | dice:small sides:small | Roll {dice} dice with {sides} sides. / Throw {dice} dice of {sides} sides. / I need {dice} dice with {sides} sides.
random_number | Draw a random number | low:small high:number | Give me a random number from {low} to {high}. / Draw a number between {low} and {high}. / Any number from {low} up to {high}.
mark_attendance | Note that a pupil was there | pupil:person day:day | {pupil} was there on {day}. / Mark {pupil} as present on {day}. / Note that {pupil} came on {day}.
grade_paper | Give a grade for a paper | pupil:person grade:small | Give {pupil} a grade of {grade}. / The paper of {pupil} gets {grade}. / {pupil} has earned grade {grade}.
book_doctor | Make an appointment at the doctor | doctor:person date:date | Make an appointment with doctor {doctor} on {date}. / I want to see doctor {doctor} on {date}. / Book doctor {doctor} for {date}.
learn_word | Put a word on the list of words to learn | word:thing language:language | I want to learn {word} in {language}. / Add {word} to my {language} words. / Remember the {language} word for {word}.
"""

# For tools put together at random: a verb with its description, and a thing.
VERBS = """
get: Get; find: Find; show: Show; create: Create; delete: Delete; update: Update; start: Start; stop: Stop; open: Open
close: Close; check: Check; count: Count; move: Move; clean: Clean; repair: Repair; sell: Sell; buy: Buy; print: Print
load: Load; save: Save; share: Share; lend: Lend; cancel: Cancel; test: Test; copy: Copy; measure: Measure; watch: Watch
"""
# Words by which the test knows its own tools; no exercise of choosing has them.
TEST_WORDS = """
population hotel door ticket film definition word meaning bill horoscope parcel plants plant wall paint water
lock track rename subtract pay
"""
RESULT_KEYS = """
price status total length weight height score name owner place date time count size answer balance
number title author colour state speed distance duration level rate sum seat gate floor phone
"""
NOUNS = """
order invoice ticket report parcel customer account server printer robot engine car boat book lesson
meeting letter picture video map route bridge garden tree machine contract budget project team
sample photo backup folder window curtain oven fridge lamp fan pump camera door sensor playlist
"""
ASK_VERBS = {
    "delete": ["Remove"], "create": ["Make"], "show": ["Let me see"], "check": ["Look at"],
    "start": ["Begin"], "buy": ["Get me"],
}
PARAMETERS = """
city:city:in {v}; person:person:for {v}; owner:person:of {v}; id:number:with the id {v}; number:number:number {v}
name:title:called {v}; colour:colour:in {v}; day:day:on {v}; time:time:at {v}; room:room:in the {v}
count:small:{v} times; size:small:of size {v}; label:thing:with the label {v}; category:thing:of the kind {v}
language:language:in {v}; date:date:on {v}; path:path:from {v}; topic:topic:about {v}; code:code:with the code {v}
"""

# Other names for the parameters of written tools; the pool of values stays.
SYNONYMS = """
city: location, place, town, city_name; to: recipient, receiver; recipient: to, person, contact; text: message, content, body
song: title, track; query: q, search, term; language: target, lang, target_language; time: at, clock; minutes: duration, length
item: entry, product; list: list_name, where; room: location, place; topic: subject, about; dish: food, name; quantity: amount, number
user_id: id, user; name: person, who; path: file, filename, file_path; symbol: ticker, stock; amount: value, sum
origin: from, start; destination: to, end; title: name, event; day: date, weekday; subject: topic, title; degrees: temperature, value
"""
# Parameters that nobody mentions, so that a call leaves them out.
OPTIONAL = """
unit: celsius, fahrenheit; format: short, long; priority: low, normal, high; mode: fast, slow; order: up, down
language: en, de, fr; verbose: yes, no; style: plain, fancy; volume: quiet, loud; source: web, cache
"""
