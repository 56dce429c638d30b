"""What a phone's worker says back: that a message came."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.notify import receivers
from gatepost.portals.moment import now_of

WORD_CHARACTERS_MAX = 400


# The worker has no page and sends no cookie: the signed word, which stood in a message that only it could read, is all
# there is to prove.
@open_to(PUBLIC)
@csrf_exempt
@require_POST
def receipt(request: HttpRequest) -> HttpResponse:
    """A message came. The same answer whatever the word was."""
    word = request.POST.get("word", "")
    if 0 < len(word) <= WORD_CHARACTERS_MAX:
        receivers.came(word, now=now_of(request))
    return HttpResponse(status=204)
