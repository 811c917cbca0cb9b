"""The updates of one appeal in one language, as an Atom feed."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from . import markdown
from .models import AppealText, UpdateText


class UpdatesFeed(Atom1Feed):
    """Without entries it was last changed when the appeal was published, not whenever it is read."""

    def latest_post_date(self) -> datetime:
        latest: datetime = max(
            (item["updateddate"] for item in self.items), default=self.feed["published_at"]
        )
        return latest


def updates_feed(
    appeal: AppealText, updates: Iterable[UpdateText], *, names: Mapping[str, str], language: str
) -> str:
    """Atom XML. Addresses stand under SITE_URL, never under the Host a request claims."""
    slug = appeal.appeal.slug
    feed = UpdatesFeed(
        title=markdown.with_names(appeal.title, names),
        link=settings.SITE_URL + reverse("appeals:updates", kwargs={"appeal": slug}),
        description="",
        subtitle=markdown.with_names(appeal.summary, names),
        language=language,
        feed_url=settings.SITE_URL + reverse("appeals:feed", kwargs={"appeal": slug}),
        author_name=settings.FUND_NAME,
        published_at=appeal.appeal.published_at,
    )
    for text in updates:
        address = reverse("appeals:update", kwargs={"appeal": slug, "update": text.update.slug})
        feed.add_item(
            title=markdown.with_names(text.title, names),
            link=settings.SITE_URL + address,
            description=markdown.render(text.body, names),
            pubdate=text.update.published_at,
            updateddate=text.update.published_at,
        )
    return feed.writeString("utf-8")
