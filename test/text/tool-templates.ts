/** Chat templates written for the tests, in the constructs with which the families' public ones show tools and calls. */

/** Qwen 2.5 and 3: tools in the system message, calls between tags, thoughts in the last turn. */
export const HERMES_TEMPLATE = `{%- if tools %}
  {{- '<|im_start|>system\\n' }}
  {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
  {{- '# Tools\\n<tools>' }}
  {%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}
  {{- '\\n</tools>\\nWrite calls in <tool_call></tool_call>.<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
  {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
  {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
  {%- elif message.role == 'assistant' %}
    {{- '<|im_start|>assistant' }}
    {%- if message.reasoning_content is string %}
      {{- '\\n<think>\\n' + message.reasoning_content.strip('\\n') + '\\n</think>\\n' }}
    {%- endif %}
    {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
    {%- for call in message.tool_calls or [] %}
      {%- set call = call.function if call.function else call %}
      {{- '\\n<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
      {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
      {{- '}\\n</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
  {%- elif message.role == 'tool' %}
    {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
    {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
    {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- '<|im_start|>assistant\\n' }}
  {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}`;

/** Llama 3.1: one call a message, its arguments under \`parameters\`. */
export const LLAMA_TEMPLATE = `{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
  {%- set system_message = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system_message = '' %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' + system_message + '<|eot_id|>' }}
{%- if tools is not none %}
  {%- set first_user_message = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
  {{- '<|start_header_id|>user<|end_header_id|>\\n\\nRespond with a call in the format ' }}
  {{- '{"name": function name, "parameters": dictionary of arguments}.\\n\\n' }}
  {%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\\n\\n' }}{%- endfor %}
  {{- first_user_message + '<|eot_id|>' }}
{%- endif %}
{%- for message in messages %}
  {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
  {%- elif 'tool_calls' in message %}
    {%- if not message.tool_calls | length == 1 %}{{- raise_exception('One call at a time!') }}{%- endif %}
    {%- set tool_call = message.tool_calls[0].function %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + tool_call.name + '", "parameters": ' }}
    {{- tool_call.arguments | tojson }}{{- '}<|eot_id|>' }}
  {%- elif message.role == 'tool' or message.role == 'ipython' %}
    {{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' + message.content + '<|eot_id|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}`;

const MISTRAL_HEAD = `{%- if messages[0]['role'] == 'system' %}
  {%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr('role', 'equalto', 'user') | list %}
{{- bos_token }}
{%- for message in loop_messages %}
  {%- if message['role'] == 'user' %}
    {%- if tools is not none and (message == user_messages[-1]) %}
      {{- '[AVAILABLE_TOOLS] ' + (tools | tojson) + '[/AVAILABLE_TOOLS]' }}
    {%- endif %}
    {{- '[INST] ' }}{%- if loop.last and system_message is defined %}{{- system_message + '\\n\\n' }}{%- endif %}
    {{- message['content'] + '[/INST]' }}`;
const MISTRAL_CHECK = `{%- if tool_call.id is not defined or tool_call.id|length != 9 %}
        {{- raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}
      {%- endif %}`;

/** Mistral 7B v0.3: a list of calls behind a token, with ids of nine characters. */
export const MISTRAL_TEMPLATE = `${MISTRAL_HEAD}
  {%- elif message.tool_calls is defined and message.tool_calls is not none %}
    {{- '[TOOL_CALLS] [' }}
    {%- for tool_call in message.tool_calls %}
      {%- set out = tool_call.function | tojson %}
      {{- out[:-1] }}
      ${MISTRAL_CHECK}
      {{- ', "id": "' + tool_call.id + '"}' }}
      {%- if not loop.last %}{{- ', ' }}{%- else %}{{- ']' + eos_token }}{%- endif %}
    {%- endfor %}
  {%- elif message['role'] == 'assistant' %}{{- ' ' + message['content'] + eos_token }}
  {%- elif message['role'] == 'tool' %}
    {{- '[TOOL_RESULTS] {"content": ' + message.content | string + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
  {%- else %}{{- raise_exception('Only user, assistant and tool roles are known') }}
  {%- endif %}
{%- endfor %}`;

/** Mistral Small 3.2: name and arguments behind tokens. */
export const MISTRAL_ARGS_TEMPLATE = `${MISTRAL_HEAD}
  {%- elif message['role'] == 'assistant' %}
    {%- if message['content'] %}{{- message['content'] }}{%- endif %}
    {%- for tool_call in message['tool_calls'] or [] %}
      ${MISTRAL_CHECK}
      {{- '[TOOL_CALLS]' + tool_call.function.name + '[CALL_ID]' + tool_call.id + '[ARGS]' + tool_call.function.arguments | tojson }}
    {%- endfor %}
    {{- eos_token }}
  {%- elif message['role'] == 'tool' %}
    {{- '[TOOL_RESULTS]' + message.tool_call_id + '[TOOL_CONTENT]' + message.content + '[/TOOL_RESULTS]' }}
  {%- endif %}
{%- endfor %}`;

/** Llama 3.2: Python calls. */
export const PYTHONIC_TEMPLATE = `{%- if tools %}{{- 'You can call:\\n' }}{%- for t in tools %}{{- t.function | tojson }}{{- '\\n' }}{%- endfor %}{%- endif %}
{%- for message in messages %}
  {{- '<|' + message.role + '|>' }}
  {%- if message.tool_calls %}
    {{- '[' }}
    {%- for call in message.tool_calls %}
      {{- call.function.name + '(' }}
      {%- for key, value in call.function.arguments.items() %}
        {{- key + '=' + value | tojson }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
      {%- endfor %}
      {{- ')' }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
    {%- endfor %}
    {{- ']' }}
  {%- else %}{{- message.content }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}`;

/** DeepSeek: arguments are joined to a string, and the turn of the assistant begins with thoughts. */
export const DEEPSEEK_TEMPLATE = `{%- for message in messages %}
  {%- if message.role == 'user' %}{{- '<｜User｜>' + message.content }}
  {%- elif message.role == 'system' %}{{- message.content }}
  {%- elif message.role == 'assistant' and message.tool_calls %}
    {{- '<｜Assistant｜>' }}
    {%- for tool in message.tool_calls %}
      {{- '<｜tool▁call▁begin｜>' + tool.type + '<｜tool▁sep｜>' + tool.function.name + '\\n\`\`\`json\\n' }}
      {%- if tool.function.arguments is not string %}{{- raise_exception('arguments must be text') }}{%- endif %}
      {{- tool.function.arguments + '\\n\`\`\`<｜tool▁call▁end｜>' }}
    {%- endfor %}
  {%- elif message.role == 'assistant' %}
    {{- '<｜Assistant｜>' + message.content.split('</think>')[-1] }}
  {%- elif message.role == 'tool' %}{{- '<｜tool▁output▁begin｜>' + message.content + '<｜tool▁output▁end｜>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<｜Assistant｜><think>\\n' }}{%- endif %}`;

/** ChatML without a word of tools; any role is shown. */
export const PLAIN_TEMPLATE = `{%- for message in messages %}
  {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

/** Gemma: users and models take turns, and there is no system. */
export const GEMMA_TEMPLATE = `{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{{- raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}
  {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('Roles must alternate') }}{%- endif %}
  {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
  {{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}`;
