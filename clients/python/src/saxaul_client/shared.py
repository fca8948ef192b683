"""What the clients of apps and of operators read alike: campaigns, action types and tree projects."""

from datetime import date

from saxaul_client.client import Client, as_object, items_of
from saxaul_client.models import ActionType, JsonObject, TreeProject
from saxaul_client.reading import read_list


class ReadingClient(Client):
    """Reads what is the same for every person."""

    def campaigns(self, *, on: date | None = None, lang: str | None = None) -> JsonObject:
        """Return the campaigns that are ``running``, ``next`` and ``past``, each with its progress."""
        return as_object(self.call("GET", "/campaigns", query={"on": on, "lang": lang}))

    def campaign(self, campaign_id: str, *, on: date | None = None, lang: str | None = None) -> JsonObject:
        return as_object(self.call("GET", "/campaigns/{id}", query={"on": on, "lang": lang}, id=campaign_id))

    def action_types(self, *, lang: str | None = None) -> tuple[ActionType, ...]:
        """Return all action types that apps can report, with their units, limits and factors, sorted by id."""
        pages = self._pages(
            "/action-types", "action_types", lambda found: read_list(ActionType, found, "action_types"), {"lang": lang}
        )
        return tuple(items_of(pages))

    def tree_projects(self, *, lang: str | None = None) -> tuple[TreeProject, ...]:
        document = as_object(self.call("GET", "/tree-projects", query={"lang": lang}))
        return read_list(TreeProject, document.get("projects"), "projects")
