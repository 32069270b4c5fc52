"""tuquan: from commune workbooks to validated releases on grassroots security self-management."""
