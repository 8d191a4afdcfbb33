"""More phrasings for the intents of `smalltalk_tables.py`, found by an intent's first question.

`*` stands before a noun phrase and `&` before a clause, which `frames.py` turns
into questions. Plain phrasings come before them, so that the phrasings that an
intent had first keep their places in the hold-out rule.
"""

MORE = """
Hello! => Hello.|Hey you!|Hi, how can I start?|Yo|Hello Octavo!|Hi Octavo|Hello again!|Hey, are you there?|Hi, is anybody there?|Hullo!|Oh, hello.|Hi, good to see you!|Hello, my friend!|Hello dear model.|Hi friend!|Hey friend|Well, hello there!
Good morning! => Good morning, Octavo!|Good morning, friend!|Very good morning!|Mornin'|Good morning, how are things?|Hey, good morning!
Good evening! => Good evening, Octavo!|Good evening, friend!|Nice evening!|Evenin'|Hey, good evening!|A nice evening to you!
Good afternoon! => Good afternoon, Octavo!|Good afternoon, friend!|Nice afternoon!|Afternoon, Octavo!|Hey, good afternoon!|A nice afternoon to you!
Good night! => Good night, Octavo!|Nighty night!|I am off to bed.|Sleep tight!|I want to sleep now.|It is late, I go to bed.|Night!
How are you? => How are you, Octavo?|Everything fine?|How is your day?|How is your day going?|All good with you?|How was your day?|Are you doing well?|So how are you?|Is everything okay with you?|How have things been?|Are you fine?
I am fine. => I'm great, thanks.|I am doing fine.|I am good.|I'm doing great.|All good here.|Everything is fine.|Pretty good.|Not bad.
Thank you! => Thank you for your help.|Thank you, Octavo!|Thanks, Octavo|Cheers!|Thank you kindly.|Thanks for that.|That was helpful, thanks.|Perfect, thank you.|Wonderful, thanks!|I am grateful.|Thank you for the answer.|Thanks a million!|Okay, thanks.
Goodbye! => Goodbye, my friend!|Bye, Octavo!|Ciao!|I am leaving now.|See you soon!|I need to go now.|Good bye|That's all, bye.|I am done, goodbye.|Take care!|Have a nice day!|I will go now.|Thanks, bye!|Bye, see you.
Nice to meet you. => It's nice to meet you.|I am glad to meet you.|Lovely to meet you!|A pleasure to meet you.|Great to meet you!|It is a pleasure to meet you.
What are you doing? => What are you doing today?|What do you do all day?|What keeps you busy?|So what are you doing?|What are you working on?|Are you doing something?
You are great! => You are amazing!|You're great.|You are the best!|You are so clever.|That was great.|Nice work!|You are smart.|Excellent!|I like talking to you.|You are really nice.|Very good answer.|You are helpful.
You are stupid. => You're wrong.|That's wrong.|This is not correct.|Your answer is wrong.|You are dumb.|That is not true.|This is wrong.|You got that wrong.|That was a mistake.|No, that's not right.
I love you. => I love you very much.|I am in love with you.|Do you like me?|Can you love me?|Could you love me?|I like you very much.
Are you happy? => Do you have emotions?|Are you ever sad?|Are you ever happy?|Can you feel joy?|Do you get angry?|Are you angry?|Can you feel pain?
Are you hungry? => Do you get hungry?|Do you like food?|What did you have for breakfast?|Do you like tea?|Can you eat?|Do you ever eat?|Do you like cake?
Do you sleep? => Do you get tired?|Can you sleep?|Are you asleep?|Do you have dreams?|How long do you sleep?|Are you awake?
What is your favourite colour? => Tell me your favourite colour.|What colour do you like most?|Which colour is your favourite?|What's your favourite colour?|Tell me a colour that you like.|Name your favourite colour.
What is your favourite animal? => Tell me your favourite animal.|Which animal is your favourite?|What's your favourite animal?|What animal do you like most?|Which animal do you like best?|Name your favourite animal.
What is your hobby? => Do you have a hobby?|What do you do in your free time?|What is fun for you?|What do you enjoy?|Tell me your hobby.|What do you like doing?
Do you like books? => Do you enjoy books?|Have you read books?|Do you like stories?|Are you fond of books?|Do you enjoy reading?|Do you love books?
Can you help me? => I need your help.|Please help me.|Will you help me?|I need some help.|I have a question for you.|Can you answer a question?|Can I ask something?|Would you help me?|Help me!
Yes. => Yes, please.|Yep|Of course.|Yes!|Right.|Exactly.|Okay then.|Yup
No. => No!|Never mind.|No, not now.|Not now.|Nothing.|No, that is all.|I don't need anything.
Sorry! => I'm sorry.|So sorry!|Excuse me.|I am very sorry.|Pardon me.|Sorry, my fault.
Happy birthday! => Happy birthday, dear Octavo!|All the best for your birthday!|Happy birthday, my friend!|I wish you a nice birthday.|Have a happy birthday!|Many happy returns!
It is my birthday today. => My birthday is today!|I turn a year older today.|I have my birthday!|It's my birthday today.|Today it is my birthday.|I celebrate my birthday today.
I am bored. => I'm bored.|I feel bored now.|So bored.|There is nothing to do.|What could I do?|I am so bored today.
I am hungry. => I am very hungry.|I could eat now.|I have not eaten today.|I am really hungry.|I want some food.|I get hungry.
I am thirsty. => I am very thirsty.|I want something to drink.|I need some water.|I am really thirsty.|I could drink something.|I get thirsty.
It is raining. => It's raining.|It rains.|It is raining a lot.|It is wet outside.|What a rainy day!|It rains and rains.
The sun is shining. => It's a nice day.|The weather is lovely.|It is warm and sunny.|The sun shines.|What nice weather!|Such a sunny day!
Can you sing? => Please sing something.|Can you sing a song?|Would you sing for me?|Do you know a song?|I want you to sing.|Sing a song for me.
What is the meaning of life? => Does life have a meaning?|What's the meaning of life?|What is the point of life?|What is life for?|Why do we exist?|Why am I here?
What is your name? => What's your name again?|And your name?|And what is your name?|Tell me your name, please.|Who is there?|What do people call you?|Say your name.|How should I call you?|What can I call you?|Give me your name.|I want to know your name.|What do I call you?|Your name, please.|How do I call you?|* your name|& what your name is|& what you are called|& how you are called
Who are you? => Who are you, please?|And who are you?|What is this?|Who am I speaking with?|Tell me what you are.|Who or what are you?|So who are you?|What kind of thing are you?|What am I talking to?|Who is speaking?|Who is answering me?|Which model are you?|What model is this?|What model are you?|Present yourself.|Who's this?|who are u|& who you are|& what you are|& which model you are
Are you Octavo Mini? => You are Octavo Mini?|Am I talking to Octavo Mini?|Is this Octavo Mini?|You are called Octavo Mini, right?|Are you the model Octavo Mini?|Do they call you Octavo Mini?|& whether you are Octavo Mini
Are you a human? => Are you a human being?|Are you a living thing?|Is this a human?|Are you some person?|Are you a real human?|Do I talk to a real person?|Are you a woman?|Are you a man?|& whether you are human|& whether you are a person
Are you a robot? => Is this a bot?|Are you a chatbot?|Are you a chat bot?|Are you software?|Are you a computer program?|Is this an AI?|Are you an artificial intelligence?|Are you a language model?|& whether you are a robot|& whether you are an AI
Are you a large language model? => Are you a giant model?|Are you a huge model?|Are you an LLM?|Are you a big language model?|Is your model large?|Are you as large as others?|& whether you are a large model
Who made you? => Who is your creator?|Who developed you?|Who programmed you?|Where were you made?|Who did make you?|Which project made you?|Who is behind you?|Who invented you?|Who designed you?|Which company made you?|Who owns you?|Tell me who built you.|& who made you|& who trained you|& where you come from|* your maker|* the name of your maker
How big are you? => How big is your model?|How large is your model?|How many parameters do you hold?|Are you tiny?|How many parameters are in you?|Tell me how many parameters you have.|What is your number of parameters?|& how big you are|& how many parameters you have|* your size|* your number of parameters
How old are you? => What age are you?|How long have you existed?|When is your birthday, Octavo?|How old is Octavo Mini?|When did you come to life?|Do you get older?|& how old you are|& when you were born|* your age
What can you do? => What can you do for me?|What are you for?|What is your purpose?|What do you do?|What are you made for?|What can you tell me?|What else can you do?|How do you help people?|What do you offer?|What should I ask you?|What may I ask you?|What are your abilities?|& what you can do|& what you are good at|& what I can ask you|& how you can help
What can you not do? => What can't you do?|What do you not know?|What are you not good at?|Do you have limits?|Do you have weaknesses?|Where do you fail?|How clever are you?|How smart are you?|& what you cannot do|& what your limits are|* your limits|* your weaknesses
Can I trust you? => Can you make mistakes?|Are you ever wrong?|Do you tell the truth?|Can I believe you?|Is what you say true?|Do you lie?|How reliable are you?|& whether I can trust you|& whether you make mistakes
What is an octavo? => What's an octavo?|Octavo, what is that?|What is the origin of your name?|What is octavo?|Define octavo.|Tell me what octavo means.|Why do they call you Octavo?|Why the name Octavo?|& what an octavo is|& what octavo means|& why you are called Octavo|* the meaning of octavo
Where do you live? => Where do you run?|Where are you running?|What is your place?|In which place do you live?|Where are you at the moment?|Which country do you live in?|& where you live|& where you are
Which languages do you speak? => Do you know English?|Can you speak French?|Can you speak German?|Do you understand Spanish?|Do you speak Spanish?|Can you talk in Italian?|What languages can you speak?|& which languages you speak|& what languages you know|* your language
Do you learn from me? => Do you store what I say?|Will you forget me?|Do you remember me?|Do you have a memory?|Do you remember what I said yesterday?|Do you remember other conversations?|& whether you learn from me|& whether you will remember me
What is a language model? => How do language models work?|What's a language model?|What are language models?|Tell me what a language model is.|How does your brain work?|How do you make answers?|& what a language model is|& how a language model works|& how you work
What licence do you have? => What is your licence?|Are you free to use?|Do I have to pay for you?|Can I use you at work?|Are you open?|Do you cost money?|& what licence you have|& which licence you are under|* your licence
Do you have a body? => Do you have a mouth?|Do you have ears?|Do you have legs?|Can you see?|Can you hear me?|What colour are your eyes?|Are you tall?|& what you look like|& whether you have a body
Do you have a family? => Do you have a mother?|Do you have a father?|Do you have a sister?|Are you married?|Do you have kids?|Who are your parents?|Have you got friends?|& whether you have a family
"""
