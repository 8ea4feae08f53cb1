"""The method of a system as a document, such as the annex of a 考核办法: a part of it in each module."""
